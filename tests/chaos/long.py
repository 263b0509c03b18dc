"""Long forms one after the other, at low priority: ``make proof NAME="long mutants 'soak --hours 2'"``.

Prints a row of docs/proofs.md as each ends. A name alone takes the options of its long form; no name at all
runs every long form, which takes days.
"""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LONG: dict[str, str] = {
    "replay": "--replays 200",
    "mutants": "--rounds 20",
    "fuzz": "--inputs 1000000",
    "time": "--histories 34000",
    "counters": "--histories 1000000",
    "dst": "--zones 0",
    "sparkplug": "--histories 10000",
    "opcua": "--cuts 1000 --restarts 50 --tags 500 --hz 10 --longest 120",
    "conserve": "--seconds 3600",
    "kill9": "--kills 1000 --still 20",
    "redis-loss": "--losses 360 --every 5",
    "dbflap": "--flaps 200",
    "outage": "--seconds 600 --backlog 5000000",
    "diskfull": "--times 20",
    "load": "--seconds 600",
    "soak": "--hours 24",
}


def run(asked: list[str]) -> int:
    forms = [one if " " in one else f"{one} {LONG.get(one, '')}" for one in asked or LONG]
    if unknown := sorted({form.split()[0] for form in forms} - set(LONG)):
        print(f"no long form of {', '.join(unknown)}; there are {', '.join(LONG)}")
        return 2
    git = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    broken = 0
    for form in forms:
        command = ["nice", "-n", "10", sys.executable, "-m", "tests.chaos", *form.split()]
        ended = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=False)
        broken += ended.returncode != 0
        load = os.getloadavg()[2]
        print(row(ended.stdout, form, commit, load), flush=True)
    return 1 if broken else 0


def row(said: str, command: str, commit: str, load: float) -> str:
    """A verdict's line as one of the table."""
    last = (said.strip().splitlines() or ["nothing was said → BROKEN: it ended before its verdict"])[-1]
    counts, _, verdict = last.partition(" → ")
    cells = (f"{datetime.now(UTC):%Y-%m-%d}", commit, f"`{command}`", counts.partition(" ")[2])
    return f"| {' | '.join(cells)} | {verdict.lower()} | load {load:.1f} |".replace("\n", " ")
