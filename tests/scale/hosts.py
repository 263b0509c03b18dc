"""Hosts of a plant as Linux network namespaces: each has its own cables, addresses and loopback.

A host lives as long as one sleeping process; its cables go with it, and nothing of them is ever seen on the
machine the test runs on. Needs root, ``unshare``, ``nsenter`` and ``ip`` (Debian: util-linux, iproute2).
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from mom.embedded import process

LIFETIME = "600"
CLONE_NEWNET = 0x40000000
T = TypeVar("T")
_libc = ctypes.CDLL(None, use_errno=True)


def missing() -> str:
    """Why hosts cannot be made here; "" where they can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if absent := [name for name in ("unshare", "nsenter", "ip", "mosquitto") if not program(name)]:
        return f"not installed: {', '.join(absent)} (Debian: util-linux, iproute2, mosquitto)"
    tried = subprocess.run(
        ["unshare", "-n", "-m", program("ip"), "link", "add", "name", "one", "type", "veth", "peer", "other"],
        capture_output=True,
        text=True,
        check=False,
    )
    return f"no network namespace may be made here: {tried.stderr.strip()}" if tried.returncode else ""


def program(name: str) -> str:
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin") or ""


@dataclass
class Host:
    name: str
    pid: int
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def command(self, *arguments: str | Path, folder: Path = Path("/")) -> list[str]:
        return ["nsenter", "-t", str(self.pid), "-n", "-m", f"--wd={folder}", *map(str, arguments)]

    def run(self, *arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = self.command(*arguments)
        return subprocess.run(command, capture_output=True, text=True, check=check, timeout=60)

    def start(
        self, *arguments: str | Path, log: Path, environment: Mapping[str, str], folder: Path
    ) -> subprocess.Popen[bytes]:
        """A program that ends with the host, or with the test."""
        started = process.spawn(self.command(*arguments, folder=folder), log=log, environment=environment)
        self.running.append(started)
        return started

    def ip(self, *arguments: str) -> None:
        self.run(program("ip"), *arguments)

    def do(self, work: Callable[[], T]) -> T:
        """In a thread that has moved to this host: a socket made there stays there."""
        found: list[Any] = []

        def moved() -> None:
            try:
                with open(f"/proc/{self.pid}/ns/net") as place:
                    if _libc.setns(place.fileno(), CLONE_NEWNET):
                        raise OSError(ctypes.get_errno(), f"cannot enter the host {self.name}")
                found.extend((True, work()))
            except BaseException as error:
                found.extend((False, error))

        thread = threading.Thread(target=moved)
        thread.start()
        thread.join(60)
        if not found:
            raise TimeoutError(f"not done within 60 s on the host {self.name}")
        if not found[0]:
            raise found[1]
        answer: T = found[1]
        return answer

    def hide(self, folder: Path) -> None:
        """This host has no such folder: on its disk it is empty."""
        self.run("mount", "-t", "tmpfs", "none", folder)

    def cut(self, cable: str) -> None:
        self.ip("link", "set", cable, "down")

    def mend(self, cable: str) -> None:
        self.ip("link", "set", cable, "up")


@contextmanager
def hosts(*names: str) -> Iterator[list[Host]]:
    with ExitStack() as stack:
        yield [stack.enter_context(_host(name)) for name in names]


@contextmanager
def _host(name: str) -> Iterator[Host]:
    """A machine of its own: no cable, no way to forward what is not for it."""
    sleeper = subprocess.Popen(["unshare", "-n", "-m", "sleep", LIFETIME])
    host = Host(name, sleeper.pid)
    try:
        _wait_apart(host)
        host.ip("link", "set", "lo", "up")
        host.run("sh", "-c", "echo 0 >/proc/sys/net/ipv4/ip_forward", check=False)
        yield host
    finally:
        for started in reversed(host.running):
            process.stop_child(started)
        sleeper.kill()
        sleeper.wait(10)


def _wait_apart(host: Host) -> None:
    """Until the sleeper has left the network and the disk view of the machine."""
    deadline = time.monotonic() + 20
    while any(_place(host.pid, kind) == _place("self", kind) for kind in ("net", "mnt")):
        if time.monotonic() > deadline:
            raise AssertionError(f"the host {host.name} did not come up")
        time.sleep(0.01)


def _place(pid: int | str, kind: str) -> str:
    return os.readlink(f"/proc/{pid}/ns/{kind}")


def cable(one: Host, other: Host, *, network: str) -> None:
    """Between two hosts: ``network``.1 and ``network``.2, each end named after the host at the other."""
    one.ip(
        "link", "add", "name", other.name, "type", "veth", "peer", "name", one.name, "netns", str(other.pid)
    )
    for host, end, number in ((one, other.name, 1), (other, one.name, 2)):
        host.ip("address", "add", f"{network}.{number}/24", "dev", end)
        host.ip("link", "set", end, "up")


def switch(centre: Host, others: list[Host], *, network: str) -> None:
    """Everybody on one network: ``centre`` is .1, the others .2 and on, each by a cable named ``lan``."""
    centre.ip("link", "add", "name", "lan", "type", "bridge")
    centre.ip("address", "add", f"{network}.1/24", "dev", "lan")
    centre.ip("link", "set", "lan", "up")
    for number, host in enumerate(others, start=2):
        port = f"to-{host.name}"
        centre.ip("link", "add", "name", port, "type", "veth", "peer", "name", "lan", "netns", str(host.pid))
        centre.ip("link", "set", port, "master", "lan", "up")
        host.ip("address", "add", f"{network}.{number}/24", "dev", "lan")
        host.ip("link", "set", "lan", "up")
