"""Where the year is kept: a PostgreSQL of its own, removed afterwards or kept in a folder for the next run.

``BENCH_YEAR_DIR`` names the folder that keeps it; ``BENCH_YEAR_SCALE`` its size (1: the whole year).
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from django.db import connection, connections

from mom.embedded.postgres import EmbeddedPostgres
from plant import env
from tests.benchmarks.year_data import SEED, Size, plant_make
from tests.benchmarks.year_history import history_make
from tests.embedded_database import programs_wanted

ROOT = Path(__file__).resolve().parents[2]
# At scale 1 the year takes about this much, and building its indexes as much again for a moment.
NEEDS_GB = 12
NO_OVERLAP = ROOT / "production" / "sql" / "state_interval_no_overlap.sql"


def scale() -> float:
    return float(os.environ.get("BENCH_YEAR_SCALE", "1"))


@dataclass(frozen=True)
class Place:
    server: EmbeddedPostgres
    name: str

    @contextlib.contextmanager
    def used(self, *, owner: bool = False) -> Iterator[None]:
        """This process works on the year, as the application's role or as the owner."""
        entry = connections["default"].settings_dict
        before = dict(entry)
        connections["default"].close()
        url = self.server.owner_url(self.name) if owner else self.server.application_url(self.name)
        entry.update(env.database("", url))
        try:
            yield
        finally:
            connections["default"].close()
            entry.update(before)


@contextlib.contextmanager
def year_place() -> Iterator[Place]:
    """The server with the year in it, made first where it is not there yet."""
    kept = os.environ.get("BENCH_YEAR_DIR", "")
    with contextlib.ExitStack() as held:
        if kept:
            folder = Path(kept).resolve()
            folder.mkdir(mode=0o711, parents=True, exist_ok=True)
        else:
            folder = Path(held.enter_context(tempfile.TemporaryDirectory(prefix="mom-year-")))
            folder.chmod(0o711)
        server = EmbeddedPostgres(folder / "postgres", bin_dir=programs_wanted())
        server.start()
        held.callback(server.stop)
        place = Place(server, f"year_{round(scale() * 10_000)}")
        _ensure(place, folder)
        yield place


def _ensure(place: Place, folder: Path) -> None:
    done = folder / f"{place.name}.done"
    if not done.exists():
        _drop(place)
    place.server.ensure_database(place.name)
    with place.used(owner=True):
        if not done.exists():
            free = shutil.disk_usage(folder).free / 1024**3
            assert free > NEEDS_GB * scale() + 1, (
                f"read {free:.1f} GB free, expected {NEEDS_GB * scale():.1f}"
            )
        _migrate(place)
    if not done.exists():
        year_make(place)
        done.write_text("made")


def _drop(place: Place) -> None:
    """What an interrupted run left."""
    place.server.ensure_database("mom")
    made = psycopg2.connect(place.server.owner_url("mom").replace("postgres://", "postgresql://"))
    made.autocommit = True
    with contextlib.closing(made), made.cursor() as cursor:
        cursor.execute(f'DROP DATABASE IF EXISTS "{place.name}"')


def _migrate(place: Place) -> None:
    addresses = {
        "DATABASE_URL": place.server.application_url(place.name),
        "DATABASE_OWNER_URL": place.server.owner_url(place.name),
        "MOM_DB_ROLE": "owner",
    }
    migrate = [sys.executable, "manage.py", "migrate", "-v", "0"]
    subprocess.run(migrate, cwd=ROOT, env=os.environ | addresses, check=True)


def year_make(place: Place) -> None:
    """Everything from the seed. The promise that states never overlap is checked once, at the end."""
    began = time.monotonic()
    size, dice = Size.of(scale()), random.Random(SEED)
    with place.used(owner=True), connection.cursor() as cursor:
        cursor.execute("ALTER TABLE production_stateinterval DROP CONSTRAINT state_interval_no_overlap")
    with place.used():
        rows = history_make(plant_make(size, dice), dice)
    made = time.monotonic()
    with place.used(owner=True), connection.cursor() as cursor:
        cursor.execute("SET maintenance_work_mem = '256MB'")
        cursor.execute(NO_OVERLAP.read_text())
        cursor.execute("ANALYZE")
    print(
        f"  year: {size.lines * 5} machines, {size.days} days, "
        + ", ".join(f"{count:,} {name}" for name, count in rows.items())
        + f"; written in {made - began:.0f} s, checked in {time.monotonic() - made:.0f} s",
        file=sys.stderr,
    )
