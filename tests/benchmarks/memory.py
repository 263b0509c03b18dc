"""Memory of all processes together (PSS) while the demo plant fills its two weeks and runs.

PSS counts a page shared by several processes once. The largest of the sums taken during the watch.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress

import psutil

from tests.benchmarks.installation import installation
from tests.benchmarks.result import Ratio

WATCH_SECONDS = float(os.environ.get("BENCH_MEMORY_SECONDS", "60"))
EVERY_SECONDS = 2.0
ALLOWED_MB = 1536
MB = 1024 * 1024


def run() -> list[Ratio]:
    with installation(demo=True) as plant:
        most: dict[str, float] = {}
        deadline = time.monotonic() + WATCH_SECONDS
        while time.monotonic() < deadline:
            now = memory_of(plant.process.pid)
            most = max(most, now, key=lambda taken: sum(taken.values()))
            time.sleep(EVERY_SECONDS)
    for name, size in sorted(most.items(), key=lambda item: -item[1]):
        print(f"  {name:<24} {size:7.1f} MB", file=sys.stderr)
    total = sum(most.values())
    name = "memory of all processes with the demo plant (MB PSS)"
    return [
        Ratio(name, ours=total, baseline=ALLOWED_MB, baseline_name="allowed", goal=1, lower_is_better=True)
    ]


def memory_of(root: int) -> dict[str, float]:
    """MB by name of a process and all its descendants; those of one name together, with their number."""
    sizes: dict[str, list[float]] = {}
    leader = psutil.Process(root)
    for process in [leader, *leader.children(recursive=True)]:
        # One that has just ended holds nothing.
        with suppress(psutil.NoSuchProcess):
            sizes.setdefault(_name(process), []).append(process.memory_full_info().pss / MB)
    return {f"{name} × {len(found)}" if len(found) > 1 else name: sum(found) for name, found in sizes.items()}


def _name(process: psutil.Process) -> str:
    words = process.cmdline() or [process.name()]
    return next(_known(words), process.name())


def _known(words: list[str]) -> Iterator[str]:
    line = " ".join(words)
    for sign, name in (
        ("mom.embedded", "supervisor"),
        ("gunicorn", "web"),
        (" worker ", "worker"),
        (" beat ", "beat"),
        ("run_connector", "runner"),
        ("demo_plant", "demo plant"),
        ("postgres", "PostgreSQL"),
        ("mosquitto", "MQTT broker"),
        ("valkey", "Valkey"),
    ):
        if sign in line:
            yield name
