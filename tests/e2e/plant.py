"""The whole installation as `make run` starts it, in a folder of its own: servers, web, workers, machines.

One for all tests that look at it, whichever worker runs them: starting it costs a minute or two. The first
worker that needs it starts it, the last one stops it and makes sure that nothing is left.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
DAYS = int(os.environ.get("E2E_DAYS") or 3)
READY_SECONDS, LIVE_SECONDS, STOP_SECONDS = 180.0, 420.0, 40.0
# What a test run may have set for itself, and what would point the installation elsewhere.
NOT_INHERITED = (
    "DATABASE_URL", "DATABASE_OWNER_URL", "REDIS_URL", "MQTT_URL", "MOM_DATA_DIR", "MOM_TEST_DATABASE_URL",
    "MOM_TEST_DATABASE_OWNER_URL", "MOM_DB_ROLE", "MOM_WEB_URL", "ALLOWED_HOSTS", "SECRET_KEY",
    "DJANGO_SETTINGS_MODULE", "DJANGO_ALLOW_ASYNC_UNSAFE", "PYTEST_CURRENT_TEST", "PYTEST_XDIST_WORKER",
)  # fmt: skip


@dataclass
class Plant:
    """One running installation. ``first_pages`` is what a browser was shown before the product answered:
    (status, body)."""

    folder: Path
    port: int
    pid: int = 0
    began: float = 0.0
    ready_after: float = 0.0
    live_after: float = 0.0
    first_pages: list[tuple[int, str]] = field(default_factory=list)

    # What it printed

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        return (self.folder / "terminal.txt").read_text()

    def _printed(self, pattern: str) -> str:
        found = re.search(pattern, self.said, re.MULTILINE)
        assert found, f"{pattern!r} was not printed:\n{self.said}"
        return found[1]

    @property
    def password(self) -> str:
        """The supervisor's one-time password."""
        return self._printed(r"^ +supervisor +([\w-]{8,})$")

    @property
    def key(self) -> str:
        """The read-only API key."""
        return self._printed(r"read-only API key +(\w+)")

    @property
    def tablets(self) -> dict[str, str]:
        """Enrolment links by line code; the first line's has no code printed beside it."""
        links = re.findall(r"^ +tablet( L\d)? +(http\S+/enrol/\S+)$", self.said, re.MULTILINE)
        return {code.strip() or "L1": link for code, link in links}

    @property
    def pins(self) -> dict[str, str]:
        return dict(re.findall(r"(B\d{4}): (\d{4,6})", self.said))

    # Its life

    def start(self, *, days: int = DAYS) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        environment = {k: v for k, v in os.environ.items() if k not in NOT_INHERITED}
        self.began = time.time()
        with open(self.folder / "terminal.txt", "w") as terminal:
            child = subprocess.Popen(
                [sys.executable, "-m", "mom.embedded", f"--port={self.port}", f"--data-dir={self.data}"],
                cwd=ROOT,
                env=environment | {"MOM_DEMO_DAYS": str(days)},
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        # Reaped by a thread, so that its end is seen by whichever process looks.
        threading.Thread(target=child.wait, daemon=True).start()
        self.pid = child.pid

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def wait_ready(self) -> None:
        """Until its links are printed; meanwhile its address is looked at as an impatient browser would."""

        def ready() -> bool:
            if "\nReady in" in self.said:
                return True
            if "progress: http" in self.said:
                self.first_pages.append(self.look("/"))
            assert psutil.pid_exists(self.pid), self.said
            return False

        wait_for(ready, seconds=READY_SECONDS, what="the links", pause=0.1)
        self.ready_after = time.time() - self.began

    def wait_live(self) -> None:
        """Until the demo plant's past is told, by machines and by people, and its machines speak.

        An operator or two may still mean to code a stop that has only just happened.
        """
        wait_for(
            lambda: self.progress().get("phase") == "live" and self.progress().get("waiting", 99) <= 2,
            seconds=LIVE_SECONDS,
            what=lambda: f"the demo plant to be live: {self.progress()}",
        )
        self.live_after = time.time() - self.began

    def progress(self) -> dict[str, Any]:
        path = self.data / "demo" / "progress.json"
        return dict(json.loads(path.read_text())) if path.exists() else {}

    def processes(self) -> list[psutil.Process]:
        """Every process of this installation: those whose folder, command or environment names it."""
        mark, found = str(self.folder), []
        for process in psutil.process_iter():
            try:
                said = [*process.cmdline(), *process.environ().values(), process.cwd()]
            except psutil.AccessDenied:
                said = process.cmdline()
            except (psutil.NoSuchProcess, psutil.ZombieProcess):
                continue
            if process.pid != os.getpid() and any(mark in text for text in said):
                found.append(process)
        return found

    def programs(self) -> list[psutil.Process]:
        """Those that speak to people or machines; servers may take longer to end."""
        speaks = ("manage.py", "gunicorn", "celery")
        return [p for p in self.processes() if any(word in part for part in _words(p) for word in speaks)]

    def stop(self) -> list[str]:
        """Ctrl-C; what is still running afterwards, as text."""
        before = self.processes()
        os.kill(self.pid, signal.SIGINT)
        try:
            wait_for(lambda: not psutil.pid_exists(self.pid), seconds=STOP_SECONDS, what="its end")
            psutil.wait_procs(before, timeout=2)
            return [f"{p.pid} {' '.join(p.cmdline())}" for p in [*before, *self.processes()] if _runs(p)]
        finally:
            for process in before:
                if _runs(process):
                    process.kill()

    # Asking it

    def look(self, path: str, **headers: str) -> tuple[int, str]:
        request = urllib.request.Request(self.url + path, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()
        except OSError as fault:
            return 0, str(fault)

    def ask(self, path: str, **query: str) -> Any:
        """An answer of the API, read with the printed key."""
        asked = f"/api/v1/{path}" + (f"?{urlencode(query)}" if query else "")
        status, body = self.look(asked, Authorization=f"Token {self.key}")
        assert status == 200, (asked, status, body[:500])
        return json.loads(body)

    def ask_all(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Every row of a list, page by page."""
        rows: list[dict[str, Any]] = []
        page = self.ask(path, **query, page_size="500")
        while True:
            rows += page["results"]
            if not page["next"]:
                return rows
            status, body = self.look(page["next"].removeprefix(self.url), Authorization=f"Token {self.key}")
            assert status == 200, body[:500]
            page = json.loads(body)

    def manage(self, *arguments: str, check: bool = True) -> str:
        """A management command as somebody types it in another terminal."""
        environment = {k: v for k, v in os.environ.items() if k not in NOT_INHERITED}
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=environment | {"MOM_DATA_DIR": str(self.data)},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr


def _words(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def wait_for(
    done: Callable[[], Any], *, seconds: float, what: str | Callable[[], str], pause: float = 0.2
) -> Any:
    """The first true answer. AssertionError after so many seconds."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := done():
            return found
        time.sleep(pause)
    raise AssertionError(f"waited {seconds:.0f} s for {what if isinstance(what, str) else what()}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# Shared between workers

STATE, LOCK = "plant.json", "plant.lock"


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    with open(folder / LOCK, "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(folder: Path) -> dict[str, Any]:
    path = folder / STATE
    return dict(json.loads(path.read_text())) if path.exists() else {"users": 0, "plant": None}


def _write(folder: Path, users: int, plant: Plant | None) -> None:
    held = None if plant is None else {**asdict(plant), "folder": str(plant.folder)}
    (folder / STATE).write_text(json.dumps({"users": users, "plant": held}))


def plant_share(folder: Path) -> Plant:
    """The running installation, started by the first who asks."""
    with _locked(folder):
        held = _read(folder)
        if held["plant"] is not None:
            values = {**held["plant"], "folder": Path(held["plant"]["folder"])}
            plant = Plant(**values)
        else:
            plant = Plant(folder / "plant", free_port())
            plant.start()
            try:
                plant.wait_ready()
                plant.wait_live()
            except BaseException:
                plant.stop()
                raise
        _write(folder, held["users"] + 1, plant)
        return plant


def plant_leave(folder: Path, plant: Plant) -> None:
    """Stopped by the last who leaves, with nothing left running."""
    with _locked(folder):
        users = _read(folder)["users"] - 1
        _write(folder, users, plant if users else None)
        if not users:
            assert plant.stop() == []


@pytest.fixture(scope="session")
def plant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    folder = tmp_path_factory.getbasetemp()
    if kept := os.environ.get("E2E_PLANT"):
        # One that runs already, by the folder of its plant.json: to work on these tests.
        yield plant_share(Path(kept))
        return
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    running = plant_share(folder)
    yield running
    plant_leave(folder, running)
