"""The short form of every proof that runs processes of its own, or needs no database.

Each in a process of its own, on one cluster that is migrated once. How soon it heals is a figure of the long
forms, run on a quiet machine: here the bounds are wide.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.connectors.stack import ROOT

SHORT = {
    "kill9": ["--kills", "8", "--still", "2"],
    "conserve": ["--seconds", "4"],
    "redis-loss": ["--losses", "2", "--every", "2", "--within", "60"],
    "dbflap": ["--flaps", "2", "--within", "60"],
    "outage": ["--seconds", "3", "--backlog", "60000", "--within", "60"],
    "diskfull": ["--times", "1", "--within", "90"],
    "fuzz": ["--inputs", "300"],
    "load": ["--seconds", "6", "--rate", "500", "--browsers", "10", "--wide"],
    "soak": ["--hours", "0.004", "--every", "4", "--check", "2"],
}
PURE = {
    "counters": ["--histories", "4000"],
    "time": ["--histories", "20"],
    "dst": ["--zones", "15"],
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="mom proofs "))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def proved(name: str, options: list[str], **environment: str) -> None:
    command = [sys.executable, "-m", "tests.chaos", name, *options, "--seed", "1"]
    ended = subprocess.run(
        command,
        cwd=ROOT,
        env={**_without_database(), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=540,
    )
    assert ended.returncode == 0, f"{ended.stdout}\n{ended.stderr[-4000:]}"
    if "NOT RUN" in ended.stderr:
        pytest.skip(ended.stderr.strip())
    assert ended.stdout.strip().endswith("kept")


def _without_database() -> dict[str, str]:
    """A proof starts its own: the one tests run on must not be killed."""
    left_out = ("DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "MQTT_URL")
    return {name: value for name, value in os.environ.items() if name not in left_out}


@pytest.mark.parametrize("name", SHORT)
def test_it_holds_and_its_control_is_noticed(name: str, cluster: Path) -> None:
    proved(name, SHORT[name], MOM_PROOF_FOLDER=str(cluster))


@pytest.mark.parametrize("name", PURE)
def test_it_holds_for_generated_histories_and_its_controls_are_noticed(name: str) -> None:
    proved(name, PURE[name])
