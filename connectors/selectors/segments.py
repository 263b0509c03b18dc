"""Reading samples of days that are packed.

Rows are read first, segments after: packing a day adds the segments in the transaction that empties the
rows, so what the first read misses the second finds, and what both find is one sample. Every statement that
reads rows says in the same breath whether there is a segment to look into; where there is none, nothing else
is read.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
from django.db import connection

from connectors.domain.columns import (
    HISTORICAL,
    KIND_BOOL,
    KIND_FLOAT,
    KIND_INT,
    KIND_NULL,
    KIND_TEXT,
    NO_TIME,
    instant,
    micros,
)
from connectors.selectors.codec import Series, unpack
from plant.domain.samples import Value

TABLE = "connectors_samplesegment"
# Whether a signal has packed samples of a range; costs one look into a small index.
IN_RANGE = f"EXISTS (SELECT 1 FROM {TABLE} WHERE signal_id = ANY(%s) AND first_time < %s AND last_time >= %s)"
KEPT = 24
AT_ONCE = 4
_FOUND = f"""SELECT id, signal_id, data FROM {TABLE}
WHERE signal_id = ANY(%s) AND first_time < %s AND last_time >= %s ORDER BY signal_id, first_time, id"""
_BACKWARD = f"""SELECT id, last_time, data FROM {TABLE}
WHERE signal_id = %s AND first_time < %s AND last_time >= %s AND (last_time, id) < (%s, %s)
ORDER BY last_time DESC, id DESC LIMIT {AT_ONCE}"""
_FORWARD = f"""SELECT id, signal_id, data FROM {TABLE}
WHERE signal_id = %s AND first_time < %s AND last_time >= %s AND (first_time, id) > (%s, %s)
ORDER BY first_time, id LIMIT {AT_ONCE}"""
_unpacked: OrderedDict[tuple[str, int], Series] = OrderedDict()


class SampleRow(NamedTuple):
    signal_id: int
    source_time: datetime
    server_time: datetime | None
    arrival_time: datetime
    quality: int
    historical: bool
    value: Value
    source_key: int


Order = tuple[datetime, bool, datetime, int]


def order_of(row: SampleRow) -> Order:
    """By source time, then server time with none first, then source key: never by arrival."""
    return row.source_time, row.server_time is not None, row.server_time or row.source_time, row.source_key


def merged(rows: Iterable[SampleRow], packed: Iterable[SampleRow]) -> list[SampleRow]:
    """Each sample once, in order."""
    found = {(row.signal_id, row.source_time, row.source_key): row for row in rows}
    for row in packed:
        found.setdefault((row.signal_id, row.source_time, row.source_key), row)
    return sorted(found.values(), key=order_of)


def series_between(*, signal_ids: Iterable[int], start: datetime, end: datetime) -> list[tuple[int, Series]]:
    """Packed samples of [start, end) as columns, by signal and time."""
    low, high = micros(start), micros(end)
    found = []
    for signal, series in _segments(_FOUND, [list(signal_ids), end, start]):
        first, last = np.searchsorted(series.source_time, [low, high])
        if first < last:
            found.append((signal, series.take(slice(first, last))))
    return found


def packed_between(*, signal_ids: Iterable[int], start: datetime, end: datetime) -> Iterator[SampleRow]:
    for signal, series in series_between(signal_ids=signal_ids, start=start, end=end):
        yield from rows_of(signal, series)


def packed_before(
    *,
    signal_id: int,
    at: datetime,
    known: SampleRow | None,
    good: Callable[[SampleRow], bool] = lambda row: True,
) -> SampleRow | None:
    """The last sample before ``at`` that is ``good``, packed or the one ``known`` from the rows."""
    best = known
    low: Any = "-infinity" if known is None else known.source_time
    reached: tuple[Any, int] = ("infinity", 0)
    while True:
        page = _read(_BACKWARD, [signal_id, at, low, *reached])
        for pk, last_time, data in page:
            if best is not None and last_time < best.source_time:
                return best
            series = _series(pk, data)
            before = series.take(slice(0, int(np.searchsorted(series.source_time, micros(at)))))
            for row in _backwards(signal_id, before):
                if best is not None and order_of(row) <= order_of(best):
                    break
                if good(row):
                    best = row
                    break
        if len(page) < AT_ONCE:
            return best
        reached = (page[-1][1], page[-1][0])


def packed_page(
    *, signal_id: int, start: datetime, end: datetime, after: tuple[datetime, int], limit: int
) -> list[SampleRow]:
    """At most ``limit`` packed samples after (source time, source key), in that order."""
    found: list[SampleRow] = []
    reached: tuple[Any, int] = ("-infinity", 0)
    while True:
        values = [signal_id, end, max(start, after[0]), *reached]
        page = list(_segments(_FORWARD, values, told=True))
        for _, _, series in page:
            first, last = np.searchsorted(series.source_time, [micros(max(start, after[0])), micros(end)])
            rows = rows_of(signal_id, series.take(slice(first, _whole_instants(series, first, last, limit))))
            found += [row for row in rows if (row.source_time, row.source_key) > after]
        found.sort(key=lambda row: (row.source_time, row.source_key))
        if len(page) < AT_ONCE:
            return found[:limit]
        # What comes in later segments cannot be before the first of the last one read
        reached = (instant(int(page[-1][2].source_time[0])), page[-1][0])
        if len(found) >= limit and found[limit - 1].source_time < reached[0]:
            return found[:limit]


def _whole_instants(series: Series, first: int, last: int, limit: int) -> int:
    """Where to stop for ``limit`` rows past the first instant, with all of the last one's."""
    if first >= last:
        return first
    begun = int(np.searchsorted(series.source_time, series.source_time[first], side="right"))
    cut = min(begun + limit, last) - 1
    return min(int(np.searchsorted(series.source_time, series.source_time[cut], side="right")), last)


def _backwards(signal_id: int, series: Series) -> Iterator[SampleRow]:
    """From the last on, a few unpacked at a time."""
    at = len(series)
    step = 16
    while at > 0:
        first = max(at - step, 0)
        yield from reversed(list(rows_of(signal_id, series.take(slice(first, at)))))
        at, step = first, step * 4


def rows_of(signal_id: int, series: Series) -> Iterator[SampleRow]:
    values = values_of(series)
    columns = (
        series.source_time.tolist(),
        series.server_time.tolist(),
        series.arrival_time.tolist(),
        series.quality.tolist(),
        (series.historical & HISTORICAL).tolist(),
        series.key.tolist(),
    )
    for value, source, server, arrival, quality, historical, key in zip(values, *columns, strict=True):
        yield SampleRow(
            signal_id,
            instant(source),
            None if server == NO_TIME else instant(server),
            instant(arrival),
            quality,
            bool(historical),
            value,
            key,
        )


def values_of(series: Series) -> list[Value]:
    bits, kinds = series.bits.tolist(), series.kind.tolist()
    if set(kinds) == {KIND_FLOAT}:
        return series.bits.view(np.float64).tolist()
    if set(kinds) == {KIND_INT}:
        return bits
    floats = series.bits.view(np.float64).tolist()
    return [_value(*one, series.texts) for one in zip(kinds, bits, floats, strict=True)]


def _value(kind: int, bits: int, number: float, texts: list[str]) -> Value:
    if kind == KIND_INT:
        return bits
    if kind == KIND_FLOAT:
        return number
    if kind == KIND_BOOL:
        return bool(bits)
    if kind == KIND_TEXT:
        return texts[bits]
    return None if kind == KIND_NULL else bits + 2**64


def _segments(query: str, values: list[Any], *, told: bool = False) -> Iterator[Any]:
    """(signal, series); ``told``: (id, its last time, series)."""
    for pk, signal, data in _read(query, values):
        series = _series(pk, data)
        yield (pk, instant(int(series.source_time[-1])), series) if told else (signal, series)


def _read(query: str, values: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return cursor.fetchall()


def _series(pk: int, data: Any) -> Series:
    """A segment never changes: unpacked once."""
    place = str(connection.settings_dict["NAME"]), pk
    series = _unpacked.get(place)
    if series is None:
        series = _unpacked[place] = unpack(bytes(data))
        if len(_unpacked) > KEPT:
            _unpacked.popitem(last=False)
    return series
