"""Where the year is kept: a PostgreSQL of its own, removed afterwards or kept in a folder for the next run.

``BENCH_YEAR_DIR`` names the folder that keeps it; ``BENCH_YEAR_SCALE`` its size (1: the whole year).
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import psycopg2
from django.db import connection, connections

from mom.embedded.postgres import EmbeddedPostgres
from plant import env
from plant.models import Equipment
from tests.benchmarks.year_data import MACHINES, SEED, Size, Year, plant_make
from tests.benchmarks.year_history import days_ensure, line_history_make
from tests.embedded_database import programs_wanted

ROOT = Path(__file__).resolve().parents[2]
# At scale 1 the year and its log take about this much.
NEEDS_GB = 12
T = TypeVar("T")


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
    """Everything from the seed, a line per processor."""
    began, size = time.monotonic(), Size.of(scale())
    with place.used():
        year = plant_make(size, random.Random(SEED))
        days_ensure(year)
        rows = sum(each_line(partial(_line_make, year), year.lines), Counter[str]())
    with place.used(owner=True), connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    print(
        f"  year: {size.lines * MACHINES} machines, {size.days} days, "
        + ", ".join(f"{count:,} {name}" for name, count in rows.items())
        + f"; written in {time.monotonic() - began:,.0f} s",
        file=sys.stderr,
    )


def _line_make(year: Year, line: Equipment) -> Counter[str]:
    return line_history_make(year, line)


def each_line(work: Callable[[Equipment], T], lines: Sequence[Equipment]) -> list[T]:
    """What ``work`` returns for each line, as many at a time as there are processors."""
    connections.close_all()
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as pool:
        return list(pool.map(partial(_alone, work), lines))


def _alone(work: Callable[[Equipment], T], line: Equipment) -> T:
    try:
        return work(line)
    finally:
        connections.close_all()
