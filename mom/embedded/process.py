"""Child processes that never outlive their parent, and what proves the identity of those left behind."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

import psutil

from mom.embedded.interface import StartFailed
from mom.embedded.lifeline import follow_parent

LOG_LIMIT_BYTES = 20_000_000


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
    keep_open: Sequence[int] = (),
    umask: int = 0o077,
) -> subprocess.Popen[bytes]:
    """Start a direct child in a session of its own, output appended to `log`, signalled when we die.

    `user` is (uid, gid) to become; `keep_open` are file descriptors to hand over. Only the main thread may
    call: the kernel ties the death signal to the starting *thread*, and would send it when that one ends.
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
            pass_fds=keep_open,
            # Safe: the main thread forks, and the function only makes two system calls.
            preexec_fn=_before_exec(death_signal, os.getpid()),
        )


@contextlib.contextmanager
def log_open(path: Path) -> Iterator[BinaryIO]:
    """Append to a log, trimmed first."""
    path.parent.mkdir(parents=True, exist_ok=True)
    log_trim(path)
    with path.open("ab") as output:
        yield output


def log_trim(path: Path) -> None:
    """Set a log aside once it passes LOG_LIMIT_BYTES; its writer goes on in the emptied file (it appends)."""
    if path.exists() and path.stat().st_size > LOG_LIMIT_BYTES:
        shutil.copyfile(path, path.with_suffix(path.suffix + ".1"))
        os.truncate(path, 0)


def stop_child(child: subprocess.Popen[bytes], *steps: tuple[int, float]) -> None:
    """Send each (signal, seconds to wait) until the child ends; then SIGKILL the rest of its session."""
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


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def command_line(pid: int) -> list[str]:
    """Arguments of a living process; empty when it is gone or not ours to read."""
    try:
        return psutil.Process(pid).cmdline()
    except psutil.Error:
        return []


def wait_gone(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while alive(pid):
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


def listen_from(first: int, host: str = "127.0.0.1", tries: int = 50) -> socket.socket:
    """A socket listening on the first free port from `first` on."""
    for port in range(first, min(first + tries, 65536)):
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
            listener.listen(512)
        except OSError as fault:
            listener.close()
            if fault.errno != errno.EADDRINUSE:
                raise StartFailed(f"cannot listen on {host} port {port}: {fault.strerror}") from None
        else:
            return listener
    raise StartFailed(f"no free port between {first} and {first + tries - 1} on {host}")


def port_user(port: int) -> str:
    """ " by <program> (pid <n>)" as far as the system lets us see, else nothing."""
    try:
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.status == psutil.CONN_LISTEN:
                name = psutil.Process(connection.pid).name() if connection.pid else ""
                return f" by {name} (pid {connection.pid})" if name else ""
    except psutil.Error:
        pass
    return ""


def log_tail(path: Path, lines: int = 8) -> str:
    if not path.exists():
        return ""
    with path.open("rb") as log:
        log.seek(max(0, path.stat().st_size - 8192))
        return "\n".join(log.read().decode("utf-8", "replace").splitlines()[-lines:])
