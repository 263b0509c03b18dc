"""A full disk loses and corrupts nothing, and everything heals when there is room again.

The spool's disk and the database's tables lie on small file systems of their own, which something else fills
up in turn while a publisher speaks. The runner stops acknowledging and says so; the database refuses and the
spool keeps. Once there is room values must be stored again within so many seconds, by the same processes.
Needs root, to mount; control: a spool that drops its oldest batches when it is full.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psycopg2
from django.db import connection, connections

from mom.embedded import places
from mom.embedded.postgres import SUPERUSER
from tests.chaos.books import books_open
from tests.chaos.kill9 import Chaos, name_new
from tests.chaos.mutants import noticed
from tests.chaos.verdict import Verdict
from tests.chaos.works import Works, works

DATABASE = "durable"
CONTROL = "drops the oldest when the spool is full"
MB = 1024 * 1024


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="diskfull")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--times", type=int, default=2, help="how often each disk is filled")
    parser.add_argument("--within", type=float, default=60.0, help="seconds until values are stored again")
    parser.add_argument("--rate", type=float, default=200.0, help="messages per second")
    read = parser.parse_args(options)
    return diskfull_proof(seed=read.seed, times=read.times, within=read.within, rate=read.rate)


def diskfull_proof(*, seed: int, times: int, within: float, rate: float) -> Verdict:
    verdict, books = Verdict("diskfull", seed), books_open(name_new())
    with works(books.connection.slug) as running, ExitStack() as disks:
        try:
            spool_disk = disks.enter_context(_disk(running.folder / "disk", megabytes=24))
            tables = disks.enter_context(_disk(running.folder / "tables", megabytes=220))
        except PermissionError as error:
            print(f"diskfull: NOT RUN, {error}", file=sys.stderr)
            verdict.counts["skipped"] = "no-mount"
            return verdict
        _move_tables(running, tables)
        running.spool_folder = spool_disk
        chaos = Chaos(running, books, random.Random(seed))
        chaos.begin(rate=rate, lasting=300 + times * 240)
        stopped, slowest = _rounds(chaos, [spool_disk, tables], times, within)
        restarted = {name: starts for name, starts in running.starts.items() if starts > 1}
        chaos.settle(restart=False)
        connections.close_all()
        running.stop()
        running.postgres.stop()
    verdict.broken += chaos.broken + [f"had to be started again: {restarted}"] * bool(restarted)
    caught = bool(noticed(CONTROL, seed))
    verdict.broken += [] if caught else [f"control not noticed: {CONTROL}"]
    verdict.counts |= {
        "filled": times * 2,
        "stopped": stopped,
        **chaos.counts,
        "slowest-s": round(slowest, 1),
    }
    verdict.counts["controls"] = f"{caught:d}/1"
    return verdict


def _rounds(chaos: Chaos, disks: list[Path], times: int, within: float) -> tuple[int, float]:
    """Each disk filled in turn: how often storing stopped, and the longest it took to go on."""
    stopped, slowest = Counter[str](), 0.0
    for disk in disks * times:
        is_stopped, took = _fill(chaos, disk)
        stopped[disk.name] += is_stopped
        slowest = max(slowest, took)
        chaos.broken += chaos.books.balance()
        if took > within:
            chaos.broken.append(f"{disk.name}: {took:.0f} s until values were stored again")
    chaos.broken += [
        f"{name}: full, and nothing ever stopped" for name, often in stopped.items() if not often
    ]
    return stopped.total(), slowest


def _fill(chaos: Chaos, disk: Path) -> tuple[bool, float]:
    """Something else takes all the room for a while: whether storing stopped, and seconds from its end to
    values stored again. A file with room of its own, such as a spool that was larger before, can go on.
    """
    ballast, deadline = disk / "ballast", time.monotonic() + 60
    stopped = False
    with ballast.open("wb") as file:
        while not stopped and time.monotonic() < deadline:
            _take(file.fileno(), disk)
            before = chaos.books.stored()
            time.sleep(1.5)
            stopped = chaos.books.stored() == before
    time.sleep(chaos.dice.uniform(0, 2))
    ballast.unlink()
    begun = time.monotonic()
    before = chaos.books.stored()
    while chaos.books.stored() == before and time.monotonic() - begun < 120:
        time.sleep(0.1)
    return stopped, time.monotonic() - begun


def _take(file: int, disk: Path) -> None:
    for size in (MB, 65_536, 4096):
        try:
            while True:
                os.posix_fallocate(file, os.fstat(file).st_size, size)
        except OSError:
            continue


@contextmanager
def _disk(place: Path, *, megabytes: int) -> Iterator[Path]:
    """A file system of its own. Raises PermissionError where none can be mounted."""
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=711", "none", str(place)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        raise PermissionError(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def _move_tables(running: Works, disk: Path) -> None:
    """The proof's database onto a small disk; what PostgreSQL writes ahead stays where it was."""
    if account := places.service_account():
        os.chown(disk, *account)
        os.chown(disk.parent, *account)
    name = str(connection.settings_dict["NAME"])
    connections.close_all()
    server = running.postgres
    admin = psycopg2.connect(
        host="127.0.0.1",
        port=server.port,
        user=SUPERUSER,
        password=server.superuser_password,
        dbname="postgres",
    )
    admin.autocommit = True
    with admin.cursor() as cursor:
        cursor.execute(f"CREATE TABLESPACE small_{name} LOCATION %s", [str(disk)])
        cursor.execute(f"ALTER DATABASE {name} SET TABLESPACE small_{name}")
    admin.close()
