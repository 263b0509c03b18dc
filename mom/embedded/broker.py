"""An embedded MQTT broker: Mosquitto when it is on PATH, else amqtt, which is good enough for the demo alone.

amqtt keeps no anonymous session, loses unacknowledged QoS 1 messages on reconnect and knows no MQTT 5:
no proof and no benchmark may run on it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import importlib.util
import os
import secrets
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from mom.embedded import places, process
from mom.embedded.interface import StartFailed
from mom.embedded.launch import server_launch

USER = "mom"

# Mosquitto's defaults drop queued messages above 1,000 and keep 20 in flight, less than one group commit
# of a spool. It saves its queue now and then, not per message: a kill of the broker can cost what came in
# since the last save.
MOSQUITTO_SETTINGS = """listener {port} 127.0.0.1
allow_anonymous false
password_file users
persistence true
persistence_location ./
autosave_interval 10
max_queued_messages 0
max_inflight_messages 1000
message_size_limit 16777216
persistent_client_expiration 14d
set_tcp_nodelay true
log_dest stdout
log_type error
log_type warning
log_type notice
log_timestamp_format %Y-%m-%dT%H:%M:%S
"""

AMQTT_SETTINGS = """listeners:
  default:
    type: tcp
    bind: 127.0.0.1:{port}
plugins:
  amqtt.plugins.authentication.FileAuthPlugin:
    password_file: users
"""


def mosquitto_program() -> str | None:
    return shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


class EmbeddedBroker:
    """One broker whose files lie in `base`; `kind` says which of the two it is."""

    name = "broker"

    def __init__(
        self, data_dir: Path, port: int | None = None, *, log: Path | None = None, kind: str | None = None
    ) -> None:
        self.kind = kind or ("mosquitto" if mosquitto_program() else "amqtt")
        # Mosquitto run by root would change to an account of its choice, which could not read its files.
        self._account = places.service_account() if self.kind == "mosquitto" else None
        self._folder = places.base_folder(data_dir, self._account)
        self._wanted_port = port
        self.port = port
        self._log = log or self._folder / "broker.log"
        self._password = places.secrets_kept(self._folder / "passwords.json", ("mqtt",))["mqtt"]
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def process_id(self) -> int | None:
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    @property
    def url(self) -> str:
        return f"mqtt://{USER}:{self._password}@127.0.0.1:{self.port}"

    def start(self) -> None:
        self._child, self.port = server_launch(
            title=f"MQTT broker ({self.kind})",
            wanted_port=self._wanted_port,
            spawn=self._spawn_mosquitto if self.kind == "mosquitto" else self._spawn_amqtt,
            answers=self._answers,
            log=self._log,
            seconds=20.0,
        )
        # Whoever was told the address keeps it over a restart.
        self._wanted_port = self.port

    def stop(self) -> None:
        if self._child is not None:
            # amqtt shuts down on an interrupt only; Mosquitto takes both.
            process.stop_child(self._child, (2, 5.0), (15, 2.0))
            self._child = None

    def _spawn_mosquitto(self, port: int) -> subprocess.Popen[bytes]:
        program = mosquitto_program()
        if program is None:
            raise StartFailed("MQTT broker: mosquitto is not on PATH; install it, or set MQTT_URL")
        work = places.folder_own(self._folder / "mosquitto", 0o700, self._account)
        self._owned_write(work / "users", f"{USER}:{_mosquitto_hash(self._password)}\n")
        self._owned_write(work / "mosquitto.conf", MOSQUITTO_SETTINGS.format(port=port))
        return process.spawn(
            [program, "-c", "mosquitto.conf"], log=self._log, folder=work, user=self._account
        )

    def _spawn_amqtt(self, port: int) -> subprocess.Popen[bytes]:
        if importlib.util.find_spec("amqtt") is None:
            raise StartFailed(
                "MQTT broker: install mosquitto, or run `make install` for PyPI amqtt, or set MQTT_URL"
            )
        from pwdlib import PasswordHash
        from pwdlib.hashers.argon2 import Argon2Hasher

        work = places.folder_own(self._folder / "amqtt", 0o700)
        self._owned_write(work / "users", f"{USER}:{PasswordHash((Argon2Hasher(),)).hash(self._password)}\n")
        self._owned_write(work / "amqtt.yaml", AMQTT_SETTINGS.format(port=port))
        program = [sys.executable, "-m", "amqtt.scripts.broker_script", "-c", "amqtt.yaml"]
        return process.spawn(program, log=self._log, folder=work)

    def _owned_write(self, path: Path, text: str) -> None:
        places.private_write(path, text)
        if self._account:
            os.chown(path, *self._account)

    def _answers(self, port: int) -> bool:
        with contextlib.suppress(OSError):
            return connect_accepted(port, USER, self._password)
        return False


def connect_accepted(port: int, user: str, password: str, host: str = "127.0.0.1") -> bool:
    """Whether a broker takes an MQTT 3.1.1 CONNECT (clean session) with these credentials; OSError if none
    answers."""

    def field(text: str) -> bytes:
        raw = text.encode()
        return len(raw).to_bytes(2, "big") + raw

    # Protocol level 4, flags: user name, password, clean session; keep-alive 10 s (MQTT 3.1.1 §3.1).
    body = field("MQTT") + bytes([4, 0b1100_0010, 0, 10]) + field("mom-probe") + field(user) + field(password)
    with socket.create_connection((host, port), timeout=3.0) as connection:
        connection.sendall(bytes([0x10, len(body)]) + body)
        reply = connection.recv(4)
        connection.sendall(bytes([0xE0, 0]))
    return reply[:1] == b"\x20" and reply[3:4] == b"\x00"


def _mosquitto_hash(password: str) -> str:
    """What `mosquitto_passwd` writes: PBKDF2-SHA512 with 101 rounds (a generated password needs no more)."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101, 64)
    return f"$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
