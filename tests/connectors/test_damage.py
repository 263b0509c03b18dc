"""Bytes of our own that a disk damaged: refused as such, kept, never taken for values."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import sqlite3
import struct
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.domain.columns import Columns, DamagedColumns, decode, encode
from connectors.domain.outage import GapRecord
from connectors.runner import Runner
from connectors.selectors.codec import COLUMNS, DamagedSegment, Series, pack, unpack
from connectors.services.ingest import Delivery
from connectors.spool import Spool
from connectors.tasks import _delivery
from mom.plant_file.reading import tree_read
from mom.plant_file.values import duration_read
from production.services.plan_reading import PlanError, _has_zero


def spooled() -> Columns:
    columns = Columns()
    columns.add("a", "text", source_time=1, arrival_time=2)
    return columns


@pytest.mark.parametrize(
    ("column", "value"),
    [("address", 7), ("kind", 6), ("bits", 3), ("quality", 9), ("status", -5), ("source_time", 2**62)],
)
def test_columns_of_the_right_length_that_are_no_samples_are_damaged(column: str, value: int) -> None:
    columns = spooled()
    getattr(columns, column)[0] = value
    with pytest.raises(DamagedColumns):
        decode(encode(columns))


def test_nesting_without_end_is_damage() -> None:
    raw = encode(spooled())
    deep = b"[" * 100_000
    header = struct.pack("<3sBIII", b"MC1", 0, 0, len(deep), 0)
    with pytest.raises(DamagedColumns):
        decode(header + deep)
    assert len(decode(raw)) == 1


@pytest.mark.parametrize("said", [300_000, 2**32 - 1])
def test_a_segment_says_how_many_it_holds_only_as_far_as_it_may(said: int) -> None:
    make: Any = Series
    raw = bytearray(pack(make(*(np.ones(200, np.int64) for _ in COLUMNS))))
    raw[3:7] = said.to_bytes(4, "little")
    with pytest.raises(DamagedSegment):
        unpack(bytes(raw))


@pytest.mark.parametrize(
    "extras",
    [
        {"gaps": [{}]},
        {"unread": [["a", 1, "", "x"]]},
        {"notices": [["born"]]},
        {"values": "many"},
        ["no", "object"],
    ],
)
def test_what_came_with_a_batch_may_be_damaged_and_its_values_are_kept(extras: Any) -> None:
    blob = base64.b64encode(encode(spooled())).decode()
    found = _delivery(uuid.UUID(int=1), 1, blob, extras)
    assert len(found.samples) == 1
    assert [one.source for one in found.unread] == ["spool"]
    assert found.unread[0].reason.startswith("damaged batch: what came with its values")


class Worker:
    """Reads what a runner sends as the task does, and answers."""

    def __init__(self) -> None:
        self.read: dict[int, Delivery] = {}
        self._stored: asyncio.Queue[int] = asyncio.Queue()

    async def send_ingest(
        self, spool: str, connection: str, batches: list[list[Any]], *, again: bool = False
    ) -> None:
        for batch in batches:
            self.read[batch[0]] = _delivery(uuid.UUID(spool), *batch)
            self._stored.put_nowait(batch[0])

    async def send_tick(self, watermarks: dict[str, str]) -> None: ...

    async def send_report(self, spool: str, report: dict[str, Any]) -> None: ...

    async def answers(self, spool: str, wait: float) -> list[dict[str, Any]]:
        return [{"stored": [await self._stored.get()]}]


async def _nothing_to_follow() -> None:
    return None


async def test_a_spool_with_damaged_text_is_sent_whole_and_what_comes_after_it_too(tmp_path: Path) -> None:
    path, at = tmp_path / "s.sqlite", datetime(2026, 3, 2, tzinfo=UTC)
    spool = Spool(path)
    gap = GapRecord(key=uuid.uuid4(), cause="connection_lost", start_time=at)
    for _ in range(4):
        await spool.append(
            "c", arrived=1, samples=encode(spooled()), extras='{"values":1}', gaps=[gap], count=1
        )
    spool.close()
    damage = {1: b'{"values":1', 2: b'{"values"\xff\xfe:1}', 3: b'{"unread":[["\xed\xa0\x80"]]}'}
    with contextlib.closing(sqlite3.connect(path)) as file, file:
        for number, raw in damage.items():
            file.execute("UPDATE batch SET extras = CAST(? AS TEXT) WHERE sequence = ?", [raw, number])
        file.execute("UPDATE open_gap SET gap = CAST(x'7bff' AS TEXT)")
    spool, worker, stop = Spool(path), Worker(), asyncio.Event()
    assert spool.open_gaps("c") == []
    running = asyncio.create_task(Runner(spool, worker, _nothing_to_follow).run(stop))
    try:
        async with asyncio.timeout(30):
            while len(spool) and not running.done():
                await asyncio.sleep(0.02)
    finally:
        stop.set()
        await running
        spool.close()
    assert sorted(worker.read) == [1, 2, 3, 4]
    assert [len(found.samples) for found in worker.read.values()] == [1, 1, 1, 1]
    unread = {number: found.unread[0] for number, found in worker.read.items() if found.unread}
    assert {number: message.raw for number, message in unread.items()} == damage
    assert all(message.reason.startswith("damaged batch: ") for message in unread.values())
    # The sum of data trust closes: the damaged text is one more that came
    assert [found.told for _, found in sorted(worker.read.items())] == [2, 2, 2, 1]


def test_plans_are_refused_in_words_as_long_as_anybody_reads() -> None:
    error = PlanError("due_time", "x" * 100_000, "a time")
    assert len(str(error)) < 200
    assert _has_zero({"options": [{"label": "a\0b"}]})
    assert not _has_zero({"options": [1, "a", None]})
    with pytest.raises(OverflowError):
        duration_read("9" * 30 + " h")
    root, problems = tree_read("{a: " * 60 + "}" * 60)
    assert root is None
    assert "deep" in problems[0].read
