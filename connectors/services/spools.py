"""Writing off a runner's disk that never comes back."""

from __future__ import annotations

import uuid
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext

from connectors.domain.balance import Spool
from connectors.domain.columns import Columns
from connectors.domain.outage import gap_declared
from connectors.domain.phrase import Told, late
from connectors.models import Connection, SpoolReport
from connectors.selectors.spools import last_stored, spools_of
from connectors.services.ingest import Delivery, deliveries_store
from connectors.services.tally import NOT_LOST
from plant import audit
from plant.access import Actor

CAUSE = "spool_lost"


class CannotWriteOff(Told, ValueError):
    """The disk is still there, or owes nothing."""

    is_bad_input = True

    def __str__(self) -> str:
        return self.said(gettext)


@transaction.atomic
def spool_write_off(*, spool: uuid.UUID, why: str, by: Actor, now: datetime) -> int:
    """Values declared lost with a runner's disk: each connection it owed to has a gap from the oldest of
    them to its last report. Raises CannotWriteOff, PermissionDenied.
    """
    reports = SpoolReport.objects.select_for_update(of=("self",)).filter(spool=spool)
    rows = {row.connection_id: row for row in reports.select_related("connection__site").order_by("pk")}
    for row in rows.values():
        by.require("connection.edit", row.connection.site)
    if not why.strip():
        raise CannotWriteOff(late("say why it is written off"))
    found = spools_of(connection_ids=list(rows))
    owed = {pk: one for pk, listed in found.items() for one in listed if one.spool == str(spool)}
    if any(not one.is_silent(now) for one in owed.values()):
        raise CannotWriteOff(late("this runner still reports: its disk is not lost"))
    owed = {pk: one for pk, one in owed.items() if one.is_owing}
    if not owed:
        raise CannotWriteOff(late("this runner's disk owes nothing"))
    for pk, one in owed.items():
        _write_off(rows[pk], one, why.strip()[:300], by, now)
    return sum(one.waiting for one in owed.values())


def _write_off(row: SpoolReport, one: Spool, why: str, by: Actor, now: datetime) -> None:
    connection: Connection = row.connection
    known = one.since or last_stored(connection_id=row.connection_id, spool=row.spool)
    start = min(known or row.at, row.at)
    detail = f"{one.name}: {one.waiting} values, {by.label}: {why}"
    gap = gap_declared(
        source=f"{connection.slug} {row.spool}", cause=CAUSE, start=start, end=row.at, detail=detail
    )
    deliveries_store(slug=connection.slug, deliveries=[Delivery(samples=Columns(), gaps=[gap])], now=now)
    row.lost, row.lost_at, row.lost_by, row.lost_why = one.waiting, now, by.label[:80], why
    row.save(update_fields=list(NOT_LOST))
    audit.record(
        by=by,
        action="spool.write_off",
        subject_type="connection",
        subject_code=connection.slug,
        why=why,
        after={
            "spool": str(row.spool),
            "host": row.host,
            "values": one.waiting,
            "start_time": start.isoformat(),
            "end_time": row.at.isoformat(),
        },
        at=now,
    )
