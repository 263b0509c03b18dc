"""Pid files that cannot be mistaken: a process is known by pid, start time and command line together."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from collections.abc import Iterator, Sequence
from pathlib import Path

import psutil

from mom.embedded import process
from mom.embedded.places import private_write


def started(pid: int) -> str:
    """When a process started, in a form no clock change touches; empty when it is gone.

    Linux: boot id and the start time in ticks since boot (field 22 of /proc/<pid>/stat, proc(5)).
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{fields[19]}"
    except (FileNotFoundError, ProcessLookupError):
        pass
    try:
        return f"{psutil.Process(pid).create_time():.2f}"
    except psutil.Error:
        return ""


def remember(folder: Path, name: str, pid: int, command: Sequence[str]) -> None:
    """Write down a process we started, so that a later start can end it should it be left behind."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    record = {"pid": pid, "started": started(pid), "command": list(command)}
    private_write(folder / f"{name}.json", json.dumps(record))


def forget(folder: Path, name: str) -> None:
    (folder / f"{name}.json").unlink(missing_ok=True)


def orphans_end(folder: Path) -> list[str]:
    """End what an earlier supervisor left running; names of those ended. Other programs are left alone."""
    ended = []
    for name, pid in _orphans(folder):
        # Its own children share its session: they go with it.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGTERM)
        process.stop_stranger(pid, (signal.SIGTERM, 5.0))
        process.kill_session(pid)
        ended.append(name)
    for path in folder.glob("*.json"):
        path.unlink()
    return ended


def _orphans(folder: Path) -> Iterator[tuple[str, int]]:
    for path in sorted(folder.glob("*.json")):
        try:
            record = json.loads(path.read_text())
            pid = int(record["pid"])
        except (ValueError, KeyError, TypeError):
            continue
        same_start = bool(record.get("started")) and started(pid) == record["started"]
        if same_start and _same_command(process.command_line(pid), record.get("command", [])):
            yield path.stem, pid


def _same_command(running: list[str], recorded: list[str]) -> bool:
    """An interpreter may be reached by another name, a server may rewrite its title: compare the rest."""
    if not running or not recorded:
        return False
    return running[1:] == recorded[1:] or Path(recorded[0]).name in " ".join(running)
