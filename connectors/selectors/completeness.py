"""How far the data reaches, and where it is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.db import connection as database
from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery

from connectors.domain.columns import DamagedColumns, decode
from connectors.models import Connection, DirtyMark, Gap, QuarantinedMessage, Watermark
from connectors.selectors.signals import on_site_seen
from plant.access import Actor, scoped

# One connection that never said anything leaves all of it unknown.
_HORIZON = """
SELECT CASE WHEN bool_and(latest.at IS NOT NULL) THEN min(latest.at) END
FROM connectors_connection AS told LEFT JOIN LATERAL (
    SELECT at FROM connectors_watermark WHERE connection_id = told.id ORDER BY at DESC LIMIT 1
) AS latest ON true
WHERE told.enabled
  AND told.id IN (SELECT connection_id FROM connectors_signaldefinition WHERE equipment_id = %s)
"""


def horizon_for(*, equipment_id: int) -> datetime | None:
    """Up to when everything is known of a machine: the earliest of its connections' latest watermarks.

    None when it has no signals or one of its connections never said.
    """
    with database.cursor() as cursor:
        cursor.execute(_HORIZON, [equipment_id])
        (reached,) = cursor.fetchone()
    known: datetime | None = reached
    return known


@dataclass(frozen=True, slots=True)
class GapSpan:
    """``end_time`` None = still going; ``recovered`` "" = the values never came."""

    id: int
    connection: str
    equipment_id: int | None
    cause: str
    start_time: datetime
    end_time: datetime | None
    scope: str
    detail: str
    recovered: str


# The closing row of a gap replaces its opening row. Served by gap_by_equipment.
_GAPS = """
SELECT DISTINCT ON (g.connection_id, g.key, g.equipment_id) g.id, c.slug, g.equipment_id, g.cause,
       g.start_time, g.end_time, g.scope, g.detail, g.recovered
FROM connectors_gap g JOIN connectors_connection c ON c.id = g.connection_id
WHERE {where} ORDER BY g.connection_id, g.key, g.equipment_id, g.end_time NULLS LAST
"""


def gaps_between(
    *, equipment_ids: Iterable[int], start: datetime, end: datetime, include_recovered: bool = False
) -> list[GapSpan]:
    """Gaps of machines that overlap [start, end), by start.

    Recovered ones miss nothing and are left out by default.
    """
    ids = list(equipment_ids)
    if not ids:
        return []
    with database.cursor() as cursor:
        cursor.execute(_GAPS.format(where="g.equipment_id = ANY(%s) AND g.start_time < %s"), [ids, end])
        found = [GapSpan(*row) for row in cursor.fetchall()]
    kept = (gap for gap in found if gap.end_time is None or gap.end_time > start)
    if not include_recovered:
        kept = (gap for gap in kept if not gap.recovered)
    return sorted(kept, key=lambda gap: (gap.start_time, gap.id))


def gaps_visible(actor: Actor) -> QuerySet[Gap]:
    """Current rows only: an opening row that has a closing one is left out."""
    closed = Gap.objects.filter(
        key=OuterRef("key"), connection=OuterRef("connection"), end_time__isnull=False
    )
    rows = Gap.objects.select_related("connection", "equipment").filter(
        Q(end_time__isnull=False) | ~Q(key__in=closed.values("key"))
    )
    return rows.filter(on_site_seen(actor, "connection__site__path"))


def quarantine_visible(actor: Actor) -> QuerySet[QuarantinedMessage]:
    return scoped(
        QuarantinedMessage.objects.select_related("connection"), actor, path="connection__site__path"
    )


def quarantine_preview(message: QuarantinedMessage, *, longest: int = 300) -> str:
    """The beginning of what came, as a person can read it."""
    raw = bytes(message.raw)
    if message.form == QuarantinedMessage.Form.SAMPLES:
        try:
            samples = list(islice(decode(raw), 5))
        except DamagedColumns as error:
            return str(error)
        # Of many addresses, which; of one, when
        if message.source == "*":
            told = [f"{one.address} = {one.value!r}" for one in samples]
        else:
            told = [f"{one.value!r} @ {one.source_time.isoformat()}" for one in samples]
        return ", ".join(told)[:longest]
    try:
        return raw[:longest].decode()
    except UnicodeDecodeError:
        return raw[: longest // 3].hex(" ")


def dirty_marks_take(*, work_unit_id: int) -> tuple[datetime, datetime] | None:
    """Earliest and latest instant to derive again, and forget the marks.

    Call inside the stitching transaction. Marks that land meanwhile are not seen and stay.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("dirty_marks_take must run in the transaction that derives")
    with database.cursor() as cursor:
        cursor.execute(
            "WITH taken AS"
            " (DELETE FROM connectors_dirtymark WHERE work_unit_id = %s RETURNING from_time, to_time)"
            " SELECT min(from_time), max(to_time) FROM taken",
            [work_unit_id],
        )
        first, last = cursor.fetchone()
    return None if first is None else (first, last)


def dirty_work_units() -> list[int]:
    """Machines with marks: what the sweep picks up when a wake-up was lost."""
    return sorted(DirtyMark.objects.values_list("work_unit_id", flat=True).distinct())


@dataclass(frozen=True, slots=True)
class Freshness:
    """``age``: since the last sample at the time asked; None = there never was one."""

    slug: str
    last_sample_time: datetime | None
    age: timedelta | None
    watermark: datetime | None


_FRESHNESS = """
SELECT c.id, (SELECT max(last.source_time) FROM connectors_signaldefinition s CROSS JOIN LATERAL (
    SELECT source_time FROM connectors_signalsample WHERE signal_id = s.id AND source_time > %s
    ORDER BY source_time DESC LIMIT 1) AS last WHERE s.connection_id = c.id)
FROM connectors_connection c
"""


def connection_freshness(*, now: datetime, within: timedelta = timedelta(days=2)) -> list[Freshness]:
    """Last sample of every enabled connection, looked for ``within`` the last days only."""
    with database.cursor() as cursor:
        cursor.execute(_FRESHNESS, [now - within])
        last = dict(cursor.fetchall())
    latest = Watermark.objects.filter(connection=OuterRef("pk")).order_by("-at").values("at")[:1]
    enabled = Connection.objects.filter(enabled=True).annotate(reached=Subquery(latest))
    return [
        Freshness(slug, last.get(pk), now - last[pk] if last.get(pk) else None, reached)
        for pk, slug, reached in enabled.values_list("pk", "slug", "reached")
    ]
