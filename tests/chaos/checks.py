"""Small checks of one part each, on the real code and a real database. Each returns what is wrong."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

from django.db import Error, connections, transaction

from connectors import selectors as connectors
from connectors.spool import Spool, SpoolFull
from production.services import rebuilding, stitching
from tests.chaos import oracle
from tests.chaos.arrival import Replay
from tests.chaos.facts import History, history
from tests.chaos.lanes import check_lanes
from tests.chaos.path import check_path
from tests.chaos.plant import Plant
from tests.chaos.replay import _differences, scratch
from tests.factories.production import Sender, sender_make

MB = 1024 * 1024
HOURS = 0.5


class Crashed(Exception):
    """The process ended here: its transaction is rolled back, if it had one."""


def check_spool(seed: int) -> list[str]:
    """A full spool refuses and keeps all it took; no number is given twice, over a restart neither."""
    folder = Path(tempfile.mkdtemp(prefix="mom spool "))
    try:
        return asyncio.run(_fill(folder / "s.sqlite", random.Random(seed)))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _fill(path: Path, dice: random.Random) -> list[str]:
    spool, broken = Spool(path, limit=2 * MB, synchronous="OFF"), []
    kept: dict[int, bytes] = {}
    try:
        for _ in range(400):
            samples = os.urandom(dice.randint(5_000, 20_000))
            kept[await spool.append("c", arrived=1, samples=samples)] = samples
        broken.append("never full")
    except SpoolFull:
        pass
    if {entry.sequence: entry.samples for entry in spool.after("c", 0, limit=1000)} != kept:
        broken.append("a full spool does not hold what it took")
    await spool.confirm(kept)
    spool.close()
    spool = Spool(path, limit=2 * MB, synchronous="OFF")
    if await spool.append("c", arrived=1, samples=b"x") <= max(kept):
        broken.append("a number is given twice")
    spool.close()
    return broken


# -- stitching --------------------------------------------------------------------------------


def check_marks(seed: int) -> list[str]:
    """A mark whose transaction began first and ended last is not passed over."""
    sender = sender_make()
    sender.say([(0, "state", 6), (0, "good_count", 0)])
    stitching.stitch(work_unit_id=sender.unit.pk)
    stored, go_on = threading.Event(), threading.Event()
    slow = threading.Thread(target=_slowly, args=(sender, stored, go_on))
    slow.start()
    try:
        stored.wait(30)
        sender.say([(120, "state", 6), (120, "good_count", 40)], watermark=130)
        stitching.stitch(work_unit_id=sender.unit.pk)
    finally:
        go_on.set()
        slow.join(30)
    return _derived(sender)


def _slowly(sender: Sender, stored: threading.Event, go_on: threading.Event) -> None:
    try:
        with transaction.atomic():
            sender.say([(60, "state", 11), (90, "state", 6), (60, "good_count", 20)])
            stored.set()
            go_on.wait(30)
    finally:
        connections.close_all()


def check_late(seed: int) -> list[str]:
    """What came late is derived, though something else was marked before it."""
    sender, dice = sender_make(), random.Random(seed)
    sender.say([(0, "state", 6), (0, "good_count", 0), (900, "good_count", 90)], watermark=900)
    stitching.stitch(work_unit_id=sender.unit.pk)
    sender.say([(700, "good_count", 70)])
    late = dice.randint(60, 300)
    sender.say([(late, "state", 11), (late + 40, "state", 6)])
    return _derived(sender)


def check_crash(seed: int) -> list[str]:
    """A stitch that ended half-way leaves nothing half done and nothing undone."""
    dice, sender, at = random.Random(seed), sender_make(), 0.0
    unit, count = sender.unit.pk, 0
    sender.say([(0, "state", 6), (0, "good_count", 0)], watermark=1)
    stitching.stitch(work_unit_id=unit)
    for point in ("first table", "second table", "end", "marks"):
        said: list[Any] = []
        for _ in range(4):
            at, count = at + dice.randint(10, 40), count + dice.randint(1, 9)
            said += [(at, "state", dice.choice([6, 11, 9])), (at + 1, "good_count", count)]
        # One that comes late: without its mark nobody would look there again
        said.append((at - 150 - dice.random(), "state", 2))
        sender.say(said, watermark=at + 5)
        with _crash_at(point), suppress(Crashed):
            stitching.stitch(work_unit_id=unit)
        stitching.stitch(work_unit_id=unit)
    return _derived(sender)


@contextmanager
def _crash_at(point: str) -> Iterator[None]:
    places: dict[str, tuple[Any, str, int]] = {
        "marks": (connectors, "dirty_marks_take", 1),
        "first table": (stitching, "apply", 1),
        "second table": (stitching, "apply", 2),
        "end": (stitching.Refold, "commit", 1),
    }
    owner, name, nth = places[point]
    function, calls = getattr(owner, name), [0]

    def crashing(*arguments: Any, **named: Any) -> Any:
        result = function(*arguments, **named)
        calls[0] += 1
        if calls[0] == nth:
            raise Crashed(point)
        return result

    with patch.object(owner, name, crashing):
        yield


def _derived(sender: Sender) -> list[str]:
    unit = sender.unit.pk
    stitching.stitch(work_unit_id=unit)
    try:
        found = rebuilding.rebuild_check(work_unit_ids=[unit]).lines
    except Error as error:
        return [f"{type(error).__name__}: {error}"]
    left = unit in connectors.dirty_work_units()
    return [
        *found[:3],
        *([f"{len(found)} rows differ"] if found else []),
        *(["marks are left"] if left else []),
    ]


# -- records --------------------------------------------------------------------------------


@cache
def _facts(seed: int) -> tuple[History, oracle.Rows]:
    facts = history(seed, hours=HOURS)
    with scratch(facts) as plant:
        return facts, oracle.fold_in_order(facts, plant.configured)


def check_records(seed: int) -> list[str]:
    """Facts that come late and in any order give the record of the in-order fold."""
    facts, wanted = _facts(seed)
    for style in ("late", "shuffled"):
        try:
            with scratch(facts) as plant:
                replayed = Replay(plant, facts, random.Random(f"{seed} {style}"), style)
                replayed.run()
                if found := _differences(plant, facts, wanted) + _left(plant):
                    return [f"{style}: {problem}" for problem in found]
        except (Error, AssertionError) as error:
            # The database refused rows that overlap, or the account did not close
            return [f"{style}: {type(error).__name__}: {error}"]
    return []


def _left(plant: Plant) -> list[str]:
    units = [unit.pk for unit in plant.line.units]
    left = set(units) & set(connectors.dirty_work_units())
    lines = rebuilding.rebuild_check(work_unit_ids=units).lines
    return lines + ([f"marks left on {sorted(left)}"] if left else [])


CHECKS: dict[str, Callable[[int], list[str]]] = {
    "path": check_path,
    "spool": check_spool,
    "lanes": check_lanes,
    "marks": check_marks,
    "late": check_late,
    "crash": check_crash,
    "records": check_records,
}
