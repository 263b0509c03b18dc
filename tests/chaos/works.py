"""Everything a proof kills: PostgreSQL, Mosquitto, Valkey, a runner and a worker as real processes.

All on loopback, all children that die with us, their data in one folder. PostgreSQL runs as the product runs
it (durable), not as tests do.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from unittest.mock import patch

import psutil
import psycopg2
from django.db import DatabaseError, InterfaceError, connection

from mom.embedded import broker as embedded_broker
from mom.embedded.broker import EmbeddedBroker
from mom.embedded.interface import StartFailed
from mom.embedded.postgres import EmbeddedPostgres
from mom.embedded.valkey import EmbeddedValkey
from tests.connectors.stack import ROOT, Stack
from tests.embedded_database import programs_wanted

# Mosquitto forgets what came in since it last saved: a killed one has forgotten this long at most, and the
# publisher says again what it said in a little more than that.
SAVED_EVERY = embedded_broker.MOSQUITTO_SETTINGS.replace("autosave_interval 10", "autosave_interval 1")
SAVED_SECONDS, FORGETS_SECONDS = 2.5, 6.0
PLACE, TEMPLATE = "MOM_PROOF_FOLDER", "mom"
SERVERS = ("postgres", "valkey", "broker")
T = TypeVar("T")
_postgres: EmbeddedPostgres | None = None


class SavingBroker(EmbeddedBroker):
    def _spawn_mosquitto(self, port: int) -> subprocess.Popen[bytes]:
        with patch.object(embedded_broker, "MOSQUITTO_SETTINGS", SAVED_EVERY):
            return super()._spawn_mosquitto(port)


@contextlib.contextmanager
def durable_database() -> Iterator[None]:
    """An empty, migrated database of a PostgreSQL of our own, named by the environment.

    MOM_PROOF_FOLDER keeps the cluster, so that the next proof need not migrate.
    """
    global _postgres
    kept = os.environ.get(PLACE, "")
    folder = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="mom proof "))
    folder.mkdir(exist_ok=True)
    # The account the server runs under when we are root must be able to pass
    folder.chmod(0o711)
    _postgres = EmbeddedPostgres(folder / "postgres", bin_dir=programs_wanted())
    _postgres.start()
    try:
        _postgres.ensure_database(TEMPLATE)
        _name_database(_postgres, TEMPLATE)
        told = folder / "migrated"
        known = " ".join(sorted(path.name for path in ROOT.glob("*/migrations/0*")))
        if not told.exists() or told.read_text() != known:
            migrate = [sys.executable, "manage.py", "migrate", "-v", "0"]
            subprocess.run(migrate, cwd=ROOT, env={**os.environ, "MOM_DB_ROLE": "owner"}, check=True)
            told.write_text(known)
        name = f"proof_{time.time_ns()}"
        with contextlib.closing(psycopg2.connect(_postgres.owner_url("postgres"))) as owner:
            owner.autocommit = True
            owner.cursor().execute(f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
        _name_database(_postgres, name)
        yield
    finally:
        _postgres.stop()
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def _name_database(server: EmbeddedPostgres, name: str) -> None:
    os.environ["DATABASE_URL"], os.environ["DATABASE_OWNER_URL"] = (
        server.application_url(name),
        server.owner_url(name),
    )


@dataclass
class Works(Stack):
    """``kill`` sends SIGKILL, ``mend`` starts again whatever is dead. Both from the main thread."""

    postgres: EmbeddedPostgres = field(kw_only=True)
    broker: SavingBroker = field(kw_only=True)
    slugs: tuple[str, ...] = ()
    # Where the spool lies, if not in ``folder``
    spool_folder: Path | None = None
    # A protection removed from the processes started from here on: a control
    bug: str = ""
    spool_options: tuple[str, ...] = ()
    # The port a runner finds the broker at, if not its own: a proxy's
    broker_port: int | None = None
    # The port of a web server, if there is one
    web_port: int | None = None
    # What the worker takes tasks from
    queues: str = "ingest,stitch,default"

    def __post_init__(self) -> None:
        self._living: dict[str, subprocess.Popen[bytes]] = {}
        self.starts: dict[str, int] = {}
        # How often a broker that was killed or held still may have changed the order of what is said
        self.upsets = 0
        self.armed.mkdir(exist_ok=True)

    @property
    def armed(self) -> Path:
        return self.folder / "armed"

    @property
    def spool(self) -> Path:
        return (self.spool_folder or self.folder) / "spool.sqlite"

    def mend(self) -> None:
        for name in SERVERS:
            if self._server(name).process_id is None:
                self._start_again(name)
        self.keep_alive()

    def keep_alive(self) -> None:
        """Runner and worker alone, whatever they will find."""
        worker = ("celery", "worker", "-Q", self.queues, "-c", "1", "-l", "WARNING")
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
        self._keep("worker", *worker, *quiet)
        place = ("--spool", str(self.spool), *self.spool_options)
        with self._broker_at(self.broker_port):
            self._keep("runner", "manage.py", "run_connector", *self.slugs, *place)
        if self.web_port is not None:
            options = ("--workers=1", "--worker-class=gthread", "--threads=8", "--timeout=60")
            place = (f"--bind=127.0.0.1:{self.web_port}", "--worker-tmp-dir=/tmp", "--no-control-socket")
            self._keep("web", "-m", "gunicorn", "mom.wsgi", *place, *options, launched=False)

    @contextlib.contextmanager
    def _broker_at(self, port: int | None) -> Iterator[None]:
        """What starts meanwhile finds the broker there."""
        own = self.environment["MQTT_URL"]
        if port is not None:
            self.environment["MQTT_URL"] = own.replace(f":{self.broker.port}", f":{port}")
        try:
            yield
        finally:
            self.environment["MQTT_URL"] = own

    def _keep(self, name: str, *command: str, launched: bool = True) -> None:
        living = self._living.get(name)
        if living is None or living.poll() is not None:
            self.starts[name] = self.starts.get(name, 0) + 1
            launch = ("-m", "tests.chaos.launch", str(self.armed), self.bug) if launched else ()
            self._living[name] = self.start(name, *launch, *command)

    def _start_again(self, name: str) -> None:
        """What a killed server left behind may take a moment to go."""
        server = self._server(name)
        self.starts[name] = self.starts.get(name, 0) + 1
        deadline = time.monotonic() + 60
        while True:
            server.stop()
            try:
                server.start()
                return
            except StartFailed:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)

    def dead(self) -> list[str]:
        processes = [name for name, process in self._living.items() if process.poll() is not None]
        return processes + [name for name in SERVERS if self._server(name).process_id is None]

    def _server(self, name: str) -> EmbeddedPostgres | EmbeddedValkey | EmbeddedBroker:
        found: EmbeddedPostgres | EmbeddedValkey | EmbeddedBroker = getattr(self, name)
        return found

    def pid(self, name: str) -> int | None:
        if name in self._living:
            process = self._living[name]
            return process.pid if process.poll() is None else None
        return self._server(name).process_id

    def kill(self, name: str) -> bool:
        """``pool`` is a worker's child and ``backend`` one of PostgreSQL's: their parents go on."""
        parent = {"pool": "worker", "backend": "postgres"}.get(name)
        found = self.pid(parent or name)
        if parent and found is not None:
            children = psutil.Process(found).children()
            if name == "backend":
                children = [child for child in children if _serves(child)]
            found = children[-1].pid if children else None
        if found is None:
            return False
        self.upsets += name == "broker"
        # A web server's children listen at its port: none may be left in the way of the next
        for process in [*psutil.Process(found).children(), psutil.Process(found)] if name == "web" else ():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        with contextlib.suppress(ProcessLookupError):
            os.kill(found, signal.SIGKILL)
        if not parent:
            self.wait_dead(name)
        return True

    def hold_still(self, name: str, seconds: float) -> bool:
        """SIGSTOP to it and all its children, and after so many seconds SIGCONT: to others it is there and
        does not answer.
        """
        found = self.pid(name)
        if found is None:
            return False
        self.upsets += name == "broker"
        leader = psutil.Process(found)
        processes = [leader, *leader.children(recursive=True)]
        try:
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.suspend()
            time.sleep(seconds)
        finally:
            for process in processes:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.resume()
        return True

    def wait_dead(self, name: str) -> None:
        deadline = time.monotonic() + 30
        while name not in self.dead():
            if time.monotonic() > deadline:
                raise AssertionError(f"{name} did not end")
            time.sleep(0.01)

    def end(self, name: str) -> None:
        """Stopped politely."""
        process = self._living[name]
        process.send_signal(signal.SIGTERM)
        process.wait(30)

    def stop(self) -> None:
        super().stop()
        self.broker.stop()


def _serves(process: psutil.Process) -> bool:
    """A backend of the application, not one of PostgreSQL's own helpers."""
    with contextlib.suppress(psutil.Error):
        return "mom_app" in " ".join(process.cmdline())
    return False


@contextlib.contextmanager
def works(*slugs: str, spool_options: tuple[str, ...] = ()) -> Iterator[Works]:
    """Servers running, runner and worker not yet (``mend`` starts them)."""
    assert _postgres is not None, "the proof must say DATABASE = 'durable'"
    folder = Path(tempfile.mkdtemp(prefix="mom works "))
    folder.chmod(0o711)
    valkey, broker = EmbeddedValkey(folder / "valkey"), SavingBroker(folder / "broker", kind="mosquitto")
    valkey.start()
    broker.start()
    environment = {
        **os.environ,
        "REDIS_URL": valkey.url,
        "MQTT_URL": broker.url,
        "MOM_DATA_DIR": str(folder / "data"),
        "SECRET_KEY": "only for proofs",
    }
    made = Works(folder, environment, valkey, postgres=_postgres, broker=broker)
    made.slugs, made.spool_options = slugs, spool_options
    kept = False
    try:
        yield made
    except BaseException:
        kept = True
        raise
    finally:
        made.stop()
        if kept:
            print(f"logs are kept in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder, ignore_errors=True)


def read(work: Callable[[], T], *, seconds: float = 60.0) -> T:
    """What ``work`` finds in the database, asked again while that is away."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return work()
        except (DatabaseError, InterfaceError):
            connection.close()
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
