"""The whole installation as `make run` starts it, without the demo plant."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from mom.embedded.announce import Terminal
from mom.embedded.broker import EmbeddedBroker
from mom.embedded.clean import installation_remove
from mom.embedded.environment import lock_try
from mom.embedded.options import Options
from mom.embedded.postgres import EmbeddedPostgres
from mom.embedded.process import listen_from
from mom.embedded.supervisor import Interrupted, Supervisor
from mom.embedded.valkey import EmbeddedValkey
from tests.mom.embedded.programs import ROOT, alive, family, wait_until

OURS = (
    "DATABASE_URL",
    "DATABASE_OWNER_URL",
    "REDIS_URL",
    "MQTT_URL",
    "SECRET_KEY",
    "MOM_DATA_DIR",
    "MOM_DEMO",
)
START_SECONDS = 120.0


@dataclass
class Plant:
    """One data folder, and the supervisor running on it."""

    folder: Path
    port: int
    variables: dict[str, str] = field(default_factory=dict)
    process: subprocess.Popen[str] | None = None
    lines: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if key not in OURS}
        return kept | self.variables | {"MOM_DATA_DIR": str(self.folder)}

    def start(self, *, command: list[str] | None = None) -> float:
        """Seconds until it said it is ready."""
        began = time.monotonic()
        self.lines.clear()
        self.process = subprocess.Popen(
            command or [sys.executable, "-m", "mom.embedded", "--no-demo", "--port", str(self.port)],
            cwd=ROOT,
            env=self.environment,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith("Ready in"):
                return time.monotonic() - began
            assert time.monotonic() - began < START_SECONDS, self.lines
        raise AssertionError("\n".join(self.lines))

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def named(self, name: str) -> int:
        return int(json.loads((self.folder / "processes" / f"{name}.json").read_text())["pid"])

    def ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=10) as answer:
                return bool(json.load(answer)["ready"])
        except (urllib.error.URLError, TimeoutError):
            return False

    def end(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        said, _ = self.process.communicate(timeout=40)
        self.lines += said.splitlines()
        return self.process.returncode


@pytest.fixture
def plant() -> Iterator[Plant]:
    root = Path(tempfile.mkdtemp(prefix="un été à l'usine "))
    root.chmod(0o711)
    with listen_from(28000, tries=2000) as listener:
        port = listener.getsockname()[1]
    plant = Plant(root / "data", port)
    yield plant
    if plant.process is not None and plant.process.poll() is None:
        plant.end(signal.SIGTERM)
    shutil.rmtree(root)


def celery_processes(supervisor: int) -> list[psutil.Process]:
    children = psutil.Process(supervisor).children(recursive=True)
    return [child for child in children if "celery" in " ".join(child.cmdline())]


def gone(pids: list[int]) -> bool:
    return wait_until(lambda: not any(alive(pid) for pid in pids), 20)


def test_starts_heals_and_stops_without_leaving_anything(plant: Plant) -> None:
    plant.start()
    assert plant.ready()
    everyone = family(plant.pid)

    # A second terminal finds the running plant by itself.
    doctor = subprocess.run(
        [sys.executable, "manage.py", "doctor", "--json"],
        cwd=ROOT, env=plant.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    found = {row["check"]: row["status"] for row in json.loads(doctor.stdout)["checks"]}
    assert [found[name] for name in ("database", "migrations", "database_role", "redis")] == ["ok"] * 4

    # What is killed comes back, at the same address.
    for name in ("web", "valkey", "postgres"):
        killed = plant.named(name)
        os.kill(killed, signal.SIGKILL)
        assert wait_until(lambda name=name, killed=killed: plant.named(name) != killed, 20), name  # type: ignore[misc]
    assert wait_until(plant.ready, 30)
    everyone = sorted({*everyone, *family(plant.pid)})

    # Somebody else may not start on the same data.
    second = subprocess.run(
        [sys.executable, "-m", "mom.embedded", "--no-demo"],
        cwd=ROOT, env=plant.environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert second.returncode == 1
    assert "another `make run`" in second.stdout

    assert plant.end(signal.SIGINT) == 0
    assert gone(everyone)
    assert any("web was ended by SIGKILL" in line for line in plant.lines), plant.lines
    assert list((plant.folder / "processes").iterdir()) == []
    assert not (plant.folder / "environment.json").exists()


def test_survives_kill_nine_and_a_busy_port(plant: Plant) -> None:
    with listen_from(plant.port) as holder:
        taken = holder.getsockname()[1]
        plant.start()
        assert any(f"port {taken} is in use" in line for line in plant.lines), plant.lines
        # Pool processes are children of children: they too must go.
        assert wait_until(lambda: len(celery_processes(plant.pid)) >= 4, 30)
        everyone = family(plant.pid)
        plant.end(signal.SIGKILL)
        assert gone(everyone)
    plant.start()
    assert plant.ready()
    assert plant.end(signal.SIGTERM) == 0


def test_servers_named_by_the_environment_replace_the_embedded_ones(plant: Plant, tmp_path: Path) -> None:
    database, queue = (
        EmbeddedPostgres(plant.folder.parent / "pg", fast=True),
        EmbeddedValkey(tmp_path / "queue"),
    )
    broker = EmbeddedBroker(plant.folder.parent / "broker")
    servers = (database, queue, broker)
    for server in servers:
        server.start()
    try:
        database.ensure_database("site")
        plant.variables = {
            "DATABASE_URL": database.application_url("site"),
            "DATABASE_OWNER_URL": database.owner_url("site"),
            "REDIS_URL": queue.url,
            "MQTT_URL": broker.url,
        }
        plant.start()
        assert plant.ready()
        running = {path.stem for path in (plant.folder / "processes").iterdir()}
        assert running == {"web", "worker", "beat", "runner"}
        assert plant.end(signal.SIGTERM) == 0
        assert all(server.process_id is not None for server in servers)
    finally:
        for server in servers:
            server.stop()


def test_clean_removes_the_data_but_not_under_a_running_plant(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "secret_key").write_text("x")
    with lock_try(folder) as held:  # type: ignore[union-attr]
        assert held
        with pytest.raises(RuntimeError, match="in use"):
            installation_remove(folder)
    assert folder in installation_remove(folder)
    assert not folder.exists()


def test_ends_when_make_is_killed(plant: Plant) -> None:
    command = ["make", "--no-print-directory", "run", "DEMO=0", f"PORT={plant.port}"]
    plant.start(command=command)
    everyone = family(plant.pid)
    assert len(everyone) > 5
    plant.end(signal.SIGKILL)
    assert gone(everyone)


def test_a_signal_dropped_inside_a_finalizer_ends_it_all_the_same(tmp_path: Path) -> None:
    """Where what a handler raises cannot get out, Python goes on; a second signal then raises nothing."""
    supervisor = Supervisor(options=Options(tmp_path), terminal=Terminal(io.StringIO()))
    supervisor._watch_once()

    with suppress(Interrupted):
        supervisor._interrupt(signal.SIGTERM, None)
    with pytest.raises(Interrupted):
        supervisor._watch_once()
    supervisor._interrupt(signal.SIGTERM, None)
