"""The variables every process of one installation is given, and how a second terminal finds them."""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import IO

from mom.embedded.places import private_write

ROOT = Path(__file__).resolve().parents[2]
FILE_NAME = "environment.json"
LOCK_NAME = "supervisor.lock"

# Fewer allocator arenas and library threads: a dozen small processes share one small machine.
FRUGAL = {
    "MALLOC_ARENA_MAX": "2",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONUNBUFFERED": "1",
}


def data_folder() -> Path:
    return Path(os.environ.get("MOM_DATA_DIR") or ROOT / ".run")


def lock_try(folder: Path) -> IO[str] | None:
    """The open file that holds an installation until its process ends; None when somebody else holds it."""
    file = (folder / LOCK_NAME).open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        return None
    return file


def publish(folder: Path, variables: dict[str, str]) -> None:
    """Keep the addresses and passwords of the running servers where only their owner can read them."""
    private_write(folder / FILE_NAME, json.dumps(variables, indent=1))


def adopt() -> None:
    """Let a management command in another terminal talk to the running plant.

    Variables already set win; nothing is done unless a supervisor holds the data folder right now.
    """
    folder = data_folder()
    if os.environ.get("DATABASE_URL") or not (folder / FILE_NAME).exists():
        return
    if (held := lock_try(folder)) is not None:
        held.close()
        return
    for key, value in json.loads((folder / FILE_NAME).read_text()).items():
        os.environ.setdefault(key, value)
