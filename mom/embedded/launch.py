"""Start one server on a loopback port and wait until it answers."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from mom.embedded import process
from mom.embedded.interface import StartFailed

ATTEMPTS = 5
BUSY_WORDS = (
    "could not bind",
    "could not create any TCP/IP sockets",
    "Address already in use",
    "address already in use",
)


def server_launch(
    *,
    title: str,
    wanted_port: int | None,
    spawn: Callable[[int], subprocess.Popen[bytes]],
    answers: Callable[[int], bool],
    log: Path,
    seconds: float = 90.0,
) -> tuple[subprocess.Popen[bytes], int]:
    """The running child and its port. A free port may be lost to somebody else before it is bound: then
    another is
    tried; a wanted port that is busy is named in the error."""
    if wanted_port is not None and not process.port_is_free(wanted_port):
        raise StartFailed(f"{title} did not start: port {wanted_port} is in use by another program")
    for attempt in range(1, ATTEMPTS + 1):
        port = wanted_port or process.port_choose()
        before = log.stat().st_size if log.exists() else 0
        child = spawn(port)
        try:
            if _wait(child, lambda port=port: answers(port), seconds):  # type: ignore[misc]
                return child, port
        finally:
            if child.poll() is not None:
                process.kill_session(child.pid)
        process.stop_child(child)
        said = _said_since(log, before)
        busy = any(words in said for words in BUSY_WORDS)
        if wanted_port is None and busy and attempt < ATTEMPTS:
            continue
        cause = f"port {port} is in use" if busy else "\n".join(said.splitlines()[-8:])
        raise StartFailed(f"{title} did not start: {cause} (log: {log})")
    raise AssertionError("unreachable")


def _wait(child: subprocess.Popen[bytes], answers: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while child.poll() is None and time.monotonic() < deadline:
        if answers():
            # Something else may answer on a port we failed to bind; our own child must be the one alive.
            return child.poll() is None
        time.sleep(0.03)
    return False


def _said_since(log: Path, position: int) -> str:
    if not log.exists():
        return ""
    size = log.stat().st_size
    with log.open("rb") as file:
        # A log set aside in between starts again from zero.
        file.seek(position if position <= size else 0)
        return file.read().decode("utf-8", "replace")
