"""Packed history is read and compared with its seals: a changed byte, or a segment that is gone, is named."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

from django.db import connection as database
from django.db.models import Sum

from connectors.domain.sealing import NOTHING, seal_of
from connectors.models import Connection, HistoryCheck, RetiredHistory, SampleSegment, SignalDefinition
from connectors.selectors.codec import DamagedSegment, unpack
from connectors.selectors.retired import latest_checks, seals_dropped

# Number of the advisory lock under which segments are sealed and dropped, one after the other
_SEALING = 7204
_AT_ONCE = 50
CHANGED, DAMAGED, FEWER = "changed", "damaged", "fewer"

Broken = tuple[int, date | None, str]


def seals_hold() -> None:
    """Until the transaction ends nobody else seals or drops segments."""
    with database.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_SEALING])


def history_verify(*, slug: str = "") -> list[HistoryCheck]:
    """Reads every packed segment of a connection (empty: of all), and keeps what was found."""
    wanted = Connection.objects.filter(slug=slug) if slug else Connection.objects.all()
    return [_verify(connection) for connection in wanted.order_by("slug")]


def _verify(connection: Connection) -> HistoryCheck:
    before = latest_checks(connection_ids=[connection.pk]).get(connection.pk)
    ids = SignalDefinition.objects.filter(connection=connection).order_by("pk").values_list("pk", flat=True)
    segments = samples = 0
    broken: list[Broken] = []
    for signal_id in ids:
        for segment, wrong in compared(signal_id):
            segments, samples = segments + 1, samples + segment.count
            if wrong:
                broken.append((signal_id, segment.day, wrong))
    dropped = RetiredHistory.objects.filter(connection=connection).aggregate(n=Sum("segments"))["n"] or 0
    # The last segments of a signal have no seal after them: that there are as many still is looked at instead
    if before is not None and segments + dropped < before.segments + before.retired:
        broken.append((0, None, FEWER))
    told: list[list[Any]] = [[pk, day and day.isoformat(), wrong] for pk, day, wrong in broken]
    return HistoryCheck.objects.create(
        connection=connection, segments=segments, retired=dropped, samples=samples, broken=told
    )


def compared(signal_id: int) -> Iterator[tuple[SampleSegment, str]]:
    """Every segment of a signal in the order they were sealed, and what is wrong with it; empty: nothing."""
    dropped = seals_dropped(signal_id)
    before = NOTHING
    for segment in SampleSegment.objects.filter(signal_id=signal_id).order_by("pk").iterator(_AT_ONCE):
        while dropped and dropped[0][0] < segment.pk:
            before = dropped.pop(0)[1]
        yield segment, _wrong(segment, before)
        before = bytes(segment.seal)


def _wrong(segment: SampleSegment, before: bytes) -> str:
    data = bytes(segment.data)
    seal = seal_of(
        before=before,
        signal_id=segment.signal_id,
        day=segment.day,
        times=(segment.first_time, segment.last_time, segment.last_arrival),
        count=segment.count,
        codec=segment.codec,
        data=data,
    )
    if seal != bytes(segment.seal):
        return CHANGED
    try:
        return "" if len(unpack(data)) == segment.count else DAMAGED
    except DamagedSegment:
        return DAMAGED
