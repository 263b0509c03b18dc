"""The last sample of a signal before an instant.

Samples are kept by day, and a read that names no earliest day is planned for every day there is: that takes
longer than the read. So it is looked for in the days next to the instant, and only where there is none, by a
function with a plan of its own, in all that is kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from connectors.selectors.edges import FOUND, NEAR
from connectors.selectors.retired import RETIRED, heard_before
from connectors.selectors.samples import FIELDS, fetched, sample_rows
from connectors.selectors.segments import TABLE, SampleRow, packed_before
from plant.domain.samples import Quality, Value

# Whether a segment may hold a later one than what the rows gave, and whether the signal spoke later and what
# it said was dropped since.
_BEFORE = f"""
SELECT wanted.id, wanted.at, EXISTS (
    SELECT 1 FROM {TABLE} WHERE signal_id = wanted.id AND first_time < wanted.at
                                AND last_time >= coalesce(found.source_time, '-infinity')
), EXISTS (
    SELECT 1 FROM {RETIRED} WHERE signal_id = wanted.id AND start_time < wanted.at
                                  AND end_time > coalesce(found.source_time, '-infinity')
), found.* FROM (
    SELECT id, at FROM unnest(%(ids)s::bigint[]) AS signals(id)
    CROSS JOIN unnest(%(instants)s::timestamptz[]) AS instants(at)
) AS wanted"""
_LAST = f"""SELECT {FIELDS} FROM connectors_signalsample
    WHERE signal_id = wanted.id AND source_time < wanted.at {{only}}
    ORDER BY source_time DESC, server_time DESC NULLS LAST, source_key DESC LIMIT 1"""
# One backward index scan per signal and instant.
_EVER = f"{_BEFORE} LEFT JOIN LATERAL ({_LAST}) AS found ON true"
_NEAR = f"""{_BEFORE} LEFT JOIN LATERAL (
    {_LAST.format(only="AND source_time >= %(since)s AND source_time < %(until)s {only}")}
) AS near ON true LEFT JOIN LATERAL connectors_sample_before(
    CASE WHEN near.signal_id IS NULL THEN wanted.id END, wanted.at
) AS far ON true CROSS JOIN LATERAL (SELECT {FOUND}) AS found"""
_TOLD = "AND source_time <= arrival_time + %(ahead)s"
_BLANK = r"[ \t\n\r\f\v]*"
# A text is cast only when it is plain digits: the exponent is two digits at most.
_GOOD = rf"""{_TOLD} AND quality <> 2 AND CASE
    WHEN v_int IS NOT NULL THEN abs(v_int) < %(below)s
    WHEN v_float IS NOT NULL THEN abs(v_float) < %(below)s
    WHEN v_bool IS NOT NULL THEN true
    WHEN length(v_text) <= 32
         AND v_text ~ '^{_BLANK}[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{{1,2}})?{_BLANK}$'
    THEN abs(v_text::numeric) < %(below)s END"""
_NUMBER = re.compile(rf"{_BLANK}[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{{1,2}})?{_BLANK}", re.ASCII)


class _Sort(NamedTuple):
    """Samples that count: as the database says it, and of a row. ``dropped``: so do those retention took."""

    near: str
    ever: str
    good: Callable[[SampleRow], bool]
    more: dict[str, Any]
    dropped: bool = False


_NEAR_TOLD, _NEAR_GOOD, _NEAR_ANY = (_NEAR.format(only=only) for only in (_TOLD, _GOOD, ""))
_EVER_TOLD, _EVER_GOOD, _EVER_ANY = (_EVER.format(only=only) for only in (_TOLD, _GOOD, ""))
_ANY = _Sort(_NEAR_ANY, _EVER_ANY, lambda row: True, {})


def last_samples_before_each(
    *, signal_ids: Iterable[int], instants: Iterable[datetime]
) -> dict[datetime, dict[int, SampleRow]]:
    """``last_samples_before`` of several instants, by instant, in one read."""
    return _before(_ANY, signal_ids, instants)


def last_samples_before(*, signal_ids: Iterable[int], at: datetime) -> dict[int, SampleRow]:
    """The last sample of each signal strictly before ``at``, by signal; signals without one are left out."""
    return _before(_ANY, signal_ids, [at])[at]


def last_told_before(*, signal_ids: Iterable[int], at: datetime, ahead: timedelta) -> dict[int, SampleRow]:
    """``last_samples_before`` without what claims to be later than its own arrival by more than ``ahead``.

    Where retention dropped the last one, its instant is known still: a sample without a value.
    """

    def told(row: SampleRow) -> bool:
        return row.source_time <= row.arrival_time + ahead

    sort = _Sort(_NEAR_TOLD, _EVER_TOLD, told, {"ahead": ahead}, dropped=True)
    return _before(sort, signal_ids, [at])[at]


def last_good_before(
    *, signal_ids: Iterable[int], at: datetime, ahead: timedelta, below: int
) -> dict[int, SampleRow]:
    """``last_told_before`` of not bad quality and with a number below ``below`` either side of zero, told as
    a text of up to 32 digits too: hours of bad quality are one scan.
    """

    def good(row: SampleRow) -> bool:
        told = row.quality != Quality.BAD and row.source_time <= row.arrival_time + ahead
        return told and _is_number_below(row.value, below)

    sort = _Sort(_NEAR_GOOD, _EVER_GOOD, good, {"ahead": ahead, "below": below})
    return _before(sort, signal_ids, [at])[at]


def _before(
    sort: _Sort, signal_ids: Iterable[int], instants: Iterable[datetime]
) -> dict[datetime, dict[int, SampleRow]]:
    ids, wanted = list(signal_ids), list(instants)
    found: dict[datetime, dict[int, SampleRow]] = {at: {} for at in wanted}
    if not ids or not wanted:
        return found
    asked = {"ids": ids, "instants": wanted, "since": min(wanted) - NEAR, "until": max(wanted), **sort.more}
    for signal, at, is_packed, is_dropped, *raw in _told(sort, asked):
        row = None if raw[0] is None else next(sample_rows([tuple(raw)]))
        if is_packed:
            row = packed_before(signal_id=signal, at=at, known=row, good=sort.good)
        if is_dropped and sort.dropped:
            row = _heard_since(signal, at, row)
        if row is not None:
            found[at][signal] = row
    return found


def _told(sort: _Sort, asked: dict[str, Any]) -> Iterator[tuple[Any, ...]]:
    """A row per signal and instant. Further back than near, the last of all may be none that counts."""
    for told in fetched(sort.near, asked):
        signal, at, _, _, *raw = told
        if raw[0] is None or sort.good(next(sample_rows([tuple(raw)]))):
            yield told
        else:
            yield from fetched(sort.ever, asked | {"ids": [signal], "instants": [at]})


def _heard_since(signal: int, at: datetime, row: SampleRow | None) -> SampleRow | None:
    """The row, or that the signal spoke later and what it said was dropped."""
    heard = heard_before(signal_id=signal, at=at)
    if heard is None or (row is not None and heard <= row.source_time):
        return row
    return SampleRow(signal, heard, None, heard, Quality.GOOD, False, None, 0)


def _is_number_below(value: Value, below: int) -> bool:
    """As ``_GOOD`` says it."""
    if isinstance(value, bool):
        return True
    if isinstance(value, str):
        return (
            len(value) <= 32 and _NUMBER.fullmatch(value) is not None and abs(Decimal(value.strip())) < below
        )
    return value is not None and abs(value) < below
