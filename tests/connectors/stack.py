"""Real processes around a test: Valkey, a Celery worker and a runner, on the test's database."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from django.db import connection

from mom.embedded.valkey import EmbeddedValkey

ROOT = Path(__file__).resolve().parents[2]


def database_url() -> str:
    entry = connection.settings_dict
    user, password = quote(str(entry["USER"])), quote(str(entry["PASSWORD"]))
    host, port = str(entry["HOST"]), str(entry["PORT"])
    return f"postgres://{user}:{password}@/{entry['NAME']}?host={quote(host, safe='')}&port={port}"


@dataclass
class Stack:
    """``environment`` is what every process sees; processes end with the stack."""

    folder: Path
    environment: dict[str, str]
    valkey: EmbeddedValkey
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"{name}.log").open("ab")
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=self.environment, stdout=log, stderr=subprocess.STDOUT
        )
        self.processes.append(process)
        return process

    def worker(self, *options: str) -> subprocess.Popen[bytes]:
        """One process for the ingest queue, unless options of Celery say otherwise."""
        command = ["-m", "celery", "-A", "mom.celery", "worker", *(options or ("-Q", "ingest", "-c", "1"))]
        quiet = ["-l", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        return self.start("worker", *command, *quiet)

    def runner(self, *arguments: str) -> subprocess.Popen[bytes]:
        return self.start("runner", "manage.py", "run_connector", *arguments)

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def stop(self) -> None:
        for process in reversed(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in reversed(self.processes):
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
        self.valkey.stop()


@contextlib.contextmanager
def stack(folder: Path, *, database: str, mqtt: str) -> Iterator[Stack]:
    valkey = EmbeddedValkey(folder / "valkey")
    valkey.start()
    environment = {
        **os.environ,
        "DATABASE_URL": database,
        "REDIS_URL": valkey.url,
        "MQTT_URL": mqtt,
        "MOM_DATA_DIR": str(folder / "data"),
        "SECRET_KEY": "only for tests",
        "LOG_LEVEL": "INFO",
    }
    running = Stack(folder, environment, valkey)
    try:
        yield running
    finally:
        running.stop()


def wait_until(condition: Callable[[], bool], *, seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {seconds:g} s: {what}")
        time.sleep(0.05)
