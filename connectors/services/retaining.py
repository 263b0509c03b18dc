"""Dropping packed days that are older than the plant keeps such values: never silently, never what something
still rests on.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import groupby
from typing import TYPE_CHECKING

import numpy as np
from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.models.functions import Length

from connectors.domain.sealing import checksum_of
from connectors.models import DirtyMark, RetiredHistory, SampleSegment, SignalDefinition, SignalSample
from connectors.selectors.codec import Array, pack_instants, unpack
from connectors.services.sealing import seals_hold
from plant import hooks
from plant import selectors as plant

if TYPE_CHECKING:
    from plant.models import Equipment

log = logging.getLogger(__name__)
DAY = timedelta(days=1)
# Silence shorter than this counts nowhere: between two such instants nothing has to be remembered
HEARD = timedelta(seconds=10)
NOT_DERIVED, NOT_PACKED = "not derived yet", "late values are not packed yet"


@dataclass(frozen=True, slots=True)
class Drop:
    """Packed days of one signal, [start, end). ``held``: why they are kept all the same; empty = they go."""

    signal: SignalDefinition
    start: datetime
    end: datetime
    samples: int
    segments: tuple[int, ...]
    size: int
    rule: str
    why: str
    held: str = ""


def horizon_of(now: datetime, months: int) -> date:
    """The first day kept: a month that ended ``months`` whole months ago is the youngest that goes."""
    whole = now.year * 12 + now.month - 1 - months
    return date(whole // 12, whole % 12 + 1, 1)


def history_due(*, now: datetime) -> Iterator[Drop]:
    """What the rules say, signal by signal and month by month, with what keeps days of it."""
    for role, months in sorted(settings.HISTORY_KEEP_MONTHS.items()):
        horizon = horizon_of(now, months)
        signals = SignalDefinition.objects.filter(role=role).select_related("equipment", "connection")
        for signal in signals.order_by("pk"):
            yield from _due(signal, horizon, f"{role}: {months} months")


def history_retire(*, now: datetime) -> list[Drop]:
    """Drops what is due and held by nothing; each run of days is one transaction with its row."""
    gone = []
    for drop in history_due(now=now):
        if drop.held:
            continue
        _retire(drop)
        log.info(
            "signal %s: %d samples before %s dropped by %s", drop.signal.pk, drop.samples, drop.end, drop.rule
        )
        gone.append(drop)
    return gone


def _due(signal: SignalDefinition, horizon: date, rule: str) -> Iterator[Drop]:
    found = SampleSegment.objects.filter(signal_id=signal.pk, day__lt=horizon).annotate(size=Length("data"))
    rows = list(found.order_by("day", "pk").values_list("day", "pk", "count", "size"))
    reasons = {day: _held(signal, day) for day in dict.fromkeys(row[0] for row in rows)}
    why = f"older than {horizon.isoformat()}"
    for (_, _, held), part in groupby(rows, lambda row: (row[0].year, row[0].month, reasons[row[0]])):
        run = list(part)
        yield Drop(
            signal=signal,
            start=_midnight(run[0][0]),
            end=_midnight(run[-1][0]) + DAY,
            samples=sum(row[2] for row in run),
            segments=tuple(row[1] for row in run),
            size=sum(row[3] for row in run),
            rule=rule,
            why=why,
            held=held,
        )


def _held(signal: SignalDefinition, day: date) -> str:
    """Why a day is kept; empty = nothing rests on it any more."""
    start = _midnight(day)
    end = start + DAY
    units = [unit.pk for unit in _units(signal)]
    if DirtyMark.objects.filter(work_unit__in=units, from_time__lt=end, to_time__gte=start).exists():
        return NOT_DERIVED
    late = SignalSample.objects.filter(signal_id=signal.pk, source_time__gte=start, source_time__lt=end)
    if late.exists():
        return NOT_PACKED
    return "; ".join(veto.message for veto in hooks.may_retire.vetoes(signal.equipment_id, start, end))


def _units(signal: SignalDefinition) -> list[Equipment]:
    """What is derived from the signal: a line's signal concerns every machine of it."""
    place = signal.equipment
    return [place, *(plant.line_work_units(place.pk) if place.level == "line" else ())]


@transaction.atomic
def _retire(drop: Drop) -> None:
    """Raises DatabaseError where what is there is not what is to be dropped, to the last sample."""
    seals_hold()
    segments = list(SampleSegment.objects.filter(pk__in=drop.segments).order_by("pk"))
    seals = [(segment.pk, bytes(segment.seal)) for segment in segments]
    row = RetiredHistory.objects.create(
        connection=drop.signal.connection,
        signal_id=drop.signal.pk,
        start_time=drop.start,
        end_time=drop.end,
        samples=drop.samples,
        segments=len(drop.segments),
        size=drop.size,
        rule=drop.rule,
        why=drop.why,
        checksum=checksum_of(seal for _, seal in seals),
        seals=[[pk, seal.hex()] for pk, seal in seals],
        heard=pack_instants(_heard(segments, drop.signal)),
    )
    with database.cursor() as cursor:
        cursor.execute("SELECT connectors_history_retire(%s)", [row.pk])


def _heard(segments: Iterable[SampleSegment], signal: SignalDefinition) -> Array:
    """First and last instant of each part of ``HEARD``, or of the machine's shortest silence that counts."""
    stale = [unit.stale_after for unit in _units(signal) if unit.stale_after]
    width = max(min([HEARD, *stale]) // timedelta(microseconds=1), 1)
    times = np.sort(np.concatenate([unpack(bytes(segment.data)).source_time for segment in segments]))
    parts = times // width
    return times[(np.diff(parts, prepend=parts[0] - 1) != 0) | (np.diff(parts, append=parts[-1] + 1) != 0)]


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
