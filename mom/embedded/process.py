"""Child processes that never outlive their parent, and what proves the identity of those left behind."""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import psutil

PR_SET_PDEATHSIG = 1
LOG_LIMIT_BYTES = 20_000_000

# Loaded before any fork: nothing may be imported or allocated by the linker between fork and exec.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def follow_parent(signal_number: int, expected_parent: int | None = None) -> None:
    """Ask the kernel for `signal_number` when the thread that started this process ends; Linux only.

    Must run after any change of user id, which clears the request.
    """
    if _libc is None:
        return
    _libc.prctl(PR_SET_PDEATHSIG, signal_number, 0, 0, 0)
    # The parent may have died between fork and prctl: then no signal will ever come.
    if expected_parent is not None and os.getppid() != expected_parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _before_exec(death_signal: int, parent: int) -> Callable[[], None]:
    def prepare() -> None:
        follow_parent(death_signal, parent)

    return prepare


def spawn(
    arguments: Sequence[str | Path],
    *,
    log: Path,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
    user: tuple[int, int] | None = None,
    death_signal: int = signal.SIGKILL,
    umask: int = 0o077,
) -> subprocess.Popen[bytes]:
    """Start a direct child in a session of its own, output appended to `log`, signalled when we die.

    `user` is (uid, gid) to become. Only the main thread may call: the kernel ties the death signal to the
    starting *thread*, so a child started by a short-lived thread would be killed when that thread ends.
    """
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError(f"{arguments[0]}: started outside the main thread, it would die with that thread")
    with log_open(log) as output:
        return subprocess.Popen(
            [str(argument) for argument in arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=dict(environment) if environment is not None else None,
            # A terminal's Ctrl-C must reach the supervisor alone, which stops its children in order.
            start_new_session=True,
            user=user[0] if user else None,
            group=user[1] if user else None,
            extra_groups=[] if user else None,
            umask=umask,
            # Safe: the main thread forks, and the function only makes two system calls.
            preexec_fn=_before_exec(death_signal, os.getpid()),
        )


@contextlib.contextmanager
def log_open(path: Path) -> Iterator[BinaryIO]:
    """Append to a log, setting the previous one aside once it passes LOG_LIMIT_BYTES."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
        path.replace(path.with_suffix(path.suffix + ".1"))
    with path.open("ab") as output:
        yield output


def stop_child(child: subprocess.Popen[bytes], *steps: tuple[int, float]) -> None:
    """Send each (signal, seconds to wait) until the child ends; then SIGKILL to what is left of its session."""
    for signal_number, seconds in steps:
        if child.poll() is not None:
            break
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(signal_number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(seconds)
    kill_session(child.pid)
    child.wait()


def kill_session(leader: int) -> None:
    """SIGKILL whatever is left of the session a child was started in (its own children included)."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def process_age_key(pid: int) -> float | None:
    """Start time of a living process (seconds since the epoch), None when it is gone: pid + this never
    repeats."""
    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None


def command_line(pid: int) -> list[str]:
    """Arguments of a living process; empty when it is gone or not ours to read."""
    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []


def wait_gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while process_age_key(pid) is not None:
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def stop_stranger(pid: int, *steps: tuple[int, float]) -> None:
    """End an orphan that is not our child; the caller has proved what it is."""
    for signal_number, seconds in (*steps, (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal_number)
        if wait_gone(pid, seconds):
            return


def port_is_free(port: int, host: str = "127.0.0.1") -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def port_choose(host: str = "127.0.0.1") -> int:
    """A port free a moment ago; whoever binds it must be ready to lose the race and ask again."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def port_next(first: int, host: str = "127.0.0.1", tries: int = 50) -> int:
    """The first free port from `first` on."""
    for port in range(first, first + tries):
        if port_is_free(port, host):
            return port
    raise OSError(f"no free port between {first} and {first + tries - 1}")


def log_tail(path: Path, lines: int = 8) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 8192))
        return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-lines:])
