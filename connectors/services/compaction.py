"""Packing days that are over: rows of samples become segments, the same samples in a fraction of the room."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import numpy as np
import psycopg2.errors
from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.models import Sum
from django.db.utils import OperationalError

from connectors.domain.columns import KIND_FLOAT, KIND_TEXT, NO_TIME, instant
from connectors.domain.sealing import NOTHING, seal_of
from connectors.models import SampleSegment
from connectors.selectors.codec import CODEC, COLUMNS, Series, in_order, pack, unpack
from connectors.selectors.retired import last_seals
from connectors.selectors.segments import series_between
from connectors.services.packing import Rows
from connectors.services.partitions import partition_drop
from connectors.services.sealing import seals_hold

log = logging.getLogger(__name__)
NEVER_PACKED = timedelta(days=2)
LARGEST = 65_536
AT_ONCE = 1_000_000
_TO_2000 = 946_684_800_000_000
_BEFORE_TIME = -(2**63)  # '-infinity' in binary: no server time

# One fixed size a row; texts are read apart. Kinds as in connectors.domain.columns.
_ROWS = """COPY (
    SELECT signal_id, source_time, source_key, arrival_time, coalesce(server_time, '-infinity'), equipment_id,
           site_id, coalesce(status_code, -1), quality::bigint, historical::int::bigint,
           CASE WHEN v_int > 9223372036854775807 THEN 5 WHEN v_int IS NOT NULL THEN 1
                WHEN v_float IS NOT NULL THEN 2 WHEN v_bool IS NOT NULL THEN 3
                WHEN v_text IS NOT NULL THEN 4 ELSE 0 END::bigint,
           CASE WHEN v_int > 9223372036854775807 THEN (v_int - 18446744073709551616)::bigint
                WHEN v_int IS NOT NULL THEN v_int::bigint ELSE coalesce(v_bool::int, 0)::bigint END,
           coalesce(v_float, 0)
    FROM connectors_signalsample
    WHERE source_time >= '{start}' AND source_time < '{end}' AND signal_id IN ({ids})
    ORDER BY signal_id, source_time, source_key
) TO STDOUT (FORMAT binary)"""
_FIELDS = (
    "signal_id",
    "source_time",
    "key",
    "arrival_time",
    "server_time",
    "equipment_id",
    "site_id",
    "status",
    "quality",
    "historical",
    "kind",
    "bits",
    "number",
)
_SIZES = (("#", ">i4"), ("", ">i8"))  # length, value
_LAYOUT = np.dtype([("n", ">i2"), *((name + part, code) for name in _FIELDS for part, code in _SIZES)])
_TEXTS = """SELECT v_text FROM connectors_signalsample
WHERE source_time >= %s AND source_time < %s AND signal_id = ANY(%s) AND v_text IS NOT NULL
ORDER BY signal_id, source_time, source_key"""
_SIGNALS = """SELECT signal_id, count(*) FROM connectors_signalsample
WHERE source_time >= %s AND source_time < %s GROUP BY signal_id ORDER BY signal_id"""
# Materialized: a name is read as a date only once it is known to be a partition's, whatever the plan
_PARTITIONS = """
WITH partition AS MATERIALIZED (
    SELECT child.oid AS relation, right(child.relname, 8) AS name
    FROM pg_inherits JOIN pg_class AS child ON child.oid = inhrelid
    WHERE inhparent = 'public.connectors_signalsample'::regclass AND child.relname ~ '_[0-9]{8}$'
), dated AS MATERIALIZED (SELECT to_date(name, 'YYYYMMDD') AS day, relation FROM partition)
SELECT day FROM dated WHERE day < %s
"""
_DUE = f"{_PARTITIONS} AND pg_relation_size(relation) > 0 ORDER BY day DESC LIMIT %s"
_EMPTY = f"{_PARTITIONS} AND pg_relation_size(relation) = 0 ORDER BY day"


@dataclass(frozen=True, slots=True)
class Packed:
    """``rows`` taken out, ``doubled`` of them were packed before; ``size``: bytes of the new segments."""

    day: date
    rows: int
    doubled: int
    segments: int
    size: int


class PackedWrong(RuntimeError):
    """A segment does not give back what was packed: nothing is taken out."""


def days_due(*, now: datetime, limit: int = 100) -> list[date]:
    """Days with rows old enough to be packed, latest first: late values of a packed day make it due again."""
    with database.cursor() as cursor:
        cursor.execute(_DUE, [now.date() - timedelta(days=settings.HISTORY_PACK_AFTER_DAYS), limit])
        return [day for (day,) in cursor.fetchall()]


def history_pack(*, now: datetime, most: int = 20) -> list[Packed]:
    """Every due day, each in a transaction of its own. A day somebody reads at that moment waits for the next
    time.
    """
    found = []
    for day in days_due(now=now, limit=most):
        try:
            packed = day_pack(day=day)
        except OperationalError as error:
            if not isinstance(error.__cause__, psycopg2.errors.LockNotAvailable):
                raise
            log.info("day %s is being read; packed another time", day)
            continue
        if packed is not None:
            log.info("day %s: %d samples packed in %d bytes", day, packed.rows, packed.size)
            found.append(packed)
    _empty_dropped(now)
    return found


def _empty_dropped(now: datetime) -> None:
    """Partitions of packed days: each would cost the planning of every read that names no earliest day."""
    with database.cursor() as cursor:
        cursor.execute(_EMPTY, [now.date() - timedelta(days=settings.HISTORY_PACK_AFTER_DAYS)])
        days = [day for (day,) in cursor.fetchall()]
    for day in days:
        try:
            partition_drop(day=day)
        except OperationalError as error:
            if not isinstance(error.__cause__, psycopg2.errors.LockNotAvailable):
                raise
            return  # whoever reads now reads on; another time


@transaction.atomic
def day_pack(*, day: date) -> Packed | None:
    """All or nothing; None when there was nothing. Raises PackedWrong, or OperationalError: day is in use."""
    start = datetime.combine(day, time(), UTC)
    end = start + timedelta(days=1)
    with database.cursor() as cursor:
        cursor.execute("SELECT connectors_sample_partition_hold(%s)", [day])
        if not cursor.fetchone()[0]:
            return None
        cursor.execute(_SIGNALS, [start, end])
        signals = cursor.fetchall()
    if not signals:
        return None
    before = SampleSegment.objects.filter(day=day).aggregate(n=Sum("count"))["n"] or 0
    rows = doubled = segments = size = 0
    seals_hold()
    for group in _groups(signals):
        known = _known(group, start, end) if before else {}
        seals = last_seals(group)
        for signal, series in _read(group, start, end):
            fresh = _fresh(series, known.get(signal))
            rows, doubled = rows + len(series), doubled + len(series) - len(fresh)
            made: list[SampleSegment] = []
            for part in parts_of(in_order(fresh)):
                made.append(segment_of(signal, day, part, before=seals.get(signal, NOTHING)))
                seals[signal] = bytes(made[-1].seal)
            SampleSegment.objects.bulk_create(made)
            segments, size = segments + len(made), size + sum(len(one.data) for one in made)
    with database.cursor() as cursor:
        cursor.execute("SELECT connectors_sample_partition_empty(%s, %s, %s)", [day, before, doubled])
    return Packed(day, rows, doubled, segments, size)


def packed_left_out(rows: Rows, *, now: datetime) -> Rows:
    """Without values that are packed already: in the rows their key would tell, in the segments it must be
    looked for. Costs nothing for values of the last days.
    """
    if not len(rows) or instant(int(rows.source_time.min())) > now - NEVER_PACKED:
        return rows
    ids = np.unique(rows.signal_id).tolist()
    start, end = instant(int(rows.source_time.min())), instant(int(rows.source_time.max()) + 1)
    known = _known(ids, start, end)
    if not known:
        return rows
    told = zip(rows.signal_id.tolist(), rows.source_time.tolist(), rows.key.tolist(), strict=True)
    fresh = np.array([(at, key) not in known.get(signal, ()) for signal, at, key in told], bool)
    return rows if fresh.all() else rows.take(fresh)


def _groups(signals: Sequence[tuple[int, int]]) -> Iterator[list[int]]:
    """Signals that are read together: about a million rows."""
    group: list[int] = []
    total = 0
    for signal, count in signals:
        if group and total + count > AT_ONCE:
            yield group
            group, total = [], 0
        group.append(signal)
        total += count
    yield group


def _read(ids: list[int], start: datetime, end: datetime) -> Iterator[tuple[int, Series]]:
    raw = io.BytesIO()
    listed = ", ".join(str(pk) for pk in ids)
    with database.cursor() as cursor:
        cursor.copy_expert(_ROWS.format(start=start.isoformat(), end=end.isoformat(), ids=listed), raw)
        cursor.execute(_TEXTS, [start, end, ids])
        texts = [text for (text,) in cursor.fetchall()]
    # A header of 19 bytes and two at the end
    rows = np.frombuffer(raw.getbuffer()[19:-2], _LAYOUT)
    columns = {name: rows[name].astype(np.int64) for name in _FIELDS}
    for name in ("source_time", "arrival_time"):
        columns[name] += _TO_2000
    served = columns["server_time"]
    columns["server_time"] = np.where(served == _BEFORE_TIME, NO_TIME, served + _TO_2000)
    columns["bits"] = np.where(columns["kind"] == KIND_FLOAT, columns.pop("number"), columns["bits"])
    columns["bits"][columns["kind"] == KIND_TEXT] = np.arange(len(texts))
    whole = Series(**{name: columns[name] for name in COLUMNS}, texts=texts)
    places = np.flatnonzero(np.diff(columns["signal_id"], prepend=columns["signal_id"][0] - 1))
    for first, last in zip(places, [*places[1:], len(rows)], strict=True):
        yield int(columns["signal_id"][first]), whole.take(slice(first, last))


def _known(ids: list[int], start: datetime, end: datetime) -> dict[int, set[tuple[int, int]]]:
    """Time and key of what is packed already."""
    found: dict[int, set[tuple[int, int]]] = {}
    for signal, series in series_between(signal_ids=ids, start=start, end=end):
        found.setdefault(signal, set()).update(
            zip(series.source_time.tolist(), series.key.tolist(), strict=True)
        )
    return found


def _fresh(series: Series, known: set[tuple[int, int]] | None) -> Series:
    if not known:
        return series
    pairs = zip(series.source_time.tolist(), series.key.tolist(), strict=True)
    return series.take(np.array([pair not in known for pair in pairs], bool))


def parts_of(series: Series) -> Iterator[Series]:
    for first in range(0, len(series), LARGEST):
        yield series.take(slice(first, first + LARGEST))


def segment_of(signal: int, day: date, series: Series, *, before: bytes = NOTHING) -> SampleSegment:
    """``before``: the seal of the signal's last segment."""
    data = pack(series)
    _compare(series, unpack(data))
    ends = (int(series.source_time[0]), int(series.source_time[-1]), int(series.arrival_time.max()))
    first, last, arrival = (instant(end) for end in ends)
    seal = seal_of(
        before=before,
        signal_id=signal,
        day=day,
        times=(first, last, arrival),
        count=len(series),
        codec=CODEC,
        data=data,
    )
    return SampleSegment(
        signal_id=signal,
        day=day,
        first_time=first,
        last_time=last,
        last_arrival=arrival,
        count=len(series),
        codec=CODEC,
        data=data,
        seal=seal,
    )


def _compare(series: Series, again: Series) -> None:
    """Before anything is taken out: what was packed comes back to the last bit."""
    is_text = series.kind == KIND_TEXT
    for name in COLUMNS:
        ours, theirs = getattr(series, name), getattr(again, name)
        if name == "bits":
            ours, theirs = ours[~is_text], theirs[~is_text]
        if not np.array_equal(ours, theirs):
            raise PackedWrong(f"column {name} differs")
    texts: list[Any] = [[one.texts[bits] for bits in one.bits[is_text].tolist()] for one in (series, again)]
    if texts[0] != texts[1]:
        raise PackedWrong("texts differ")


__all__ = ["Packed", "PackedWrong", "day_pack", "days_due", "history_pack", "packed_left_out"]
