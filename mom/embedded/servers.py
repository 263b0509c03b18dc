"""The three servers of an installation: embedded ones, or those the environment names."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from mom.embedded.broker import EmbeddedBroker
from mom.embedded.interface import Server
from mom.embedded.postgres import EmbeddedPostgres
from mom.embedded.valkey import EmbeddedValkey

DATABASE = "mom"


@dataclass
class Servers:
    """Each `…_start` returns the embedded server it started, None when the environment names a real one."""

    data_dir: Path
    logs: Path
    running: list[Server] = field(default_factory=list)
    _urls: dict[str, str] = field(default_factory=dict)

    def variables(self) -> dict[str, str]:
        return dict(self._urls)

    def database_start(self) -> Server | None:
        if url := os.environ.get("DATABASE_URL"):
            self._urls |= {
                "DATABASE_URL": url,
                "DATABASE_OWNER_URL": os.environ.get("DATABASE_OWNER_URL") or url,
            }
            return None
        server = EmbeddedPostgres(self.data_dir / "postgres", log=self.logs / "postgres.log")
        self._start(server)
        server.ensure_database(DATABASE)
        self._urls["DATABASE_URL"] = server.application_url(DATABASE)
        self._urls["DATABASE_OWNER_URL"] = server.owner_url(DATABASE)
        return server

    def queue_start(self) -> Server | None:
        if url := os.environ.get("REDIS_URL"):
            self._urls["REDIS_URL"] = url
            return None
        server = EmbeddedValkey(self.data_dir / "valkey", log=self.logs / "valkey.log")
        self._start(server)
        self._urls["REDIS_URL"] = server.url
        return server

    def broker_start(self) -> Server | None:
        if url := os.environ.get("MQTT_URL"):
            self._urls["MQTT_URL"] = url
            return None
        server = EmbeddedBroker(self.data_dir / "broker", log=self.logs / "broker.log")
        self._start(server)
        self._urls["MQTT_URL"] = server.url
        return server

    def _start(self, server: Server) -> None:
        # Listed first: a start cut short by a signal must be stopped too.
        self.running.append(server)
        server.start()
