"""Bytes of our own that a disk damaged: refused as such, kept, never taken for values."""

from __future__ import annotations

import base64
import struct
import uuid
from typing import Any

import numpy as np
import pytest

from connectors.domain.columns import Columns, DamagedColumns, decode, encode
from connectors.selectors.codec import COLUMNS, DamagedSegment, Series, pack, unpack
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
