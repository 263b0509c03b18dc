"""Writing off a runner's disk that never comes back."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models.functions import Coalesce
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

CAUSE, GONE = "spool_lost", "process_down"
# Three reports of a runner that goes on beside a new one
BESIDE = timedelta(seconds=15)
HEARD = Coalesce("heard_at", "at")


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


@transaction.atomic
def runner_join(*, spool: uuid.UUID, now: datetime) -> None:
    """Between the last word of the runner before and the instant this one began to hear the source nobody
    listened: a gap, unless this one knew of that runner and says so itself, or that one goes on beside it.
    """
    rows = SpoolReport.objects.select_for_update(of=("self",)).filter(
        spool=spool, is_joined=False, listening_since__isnull=False
    )
    for row in rows.select_related("connection").order_by("pk"):
        assert row.listening_since is not None
        began = (row.heard_at or now) - (row.at - row.listening_since)  # by our clock
        if now - began < BESIDE:
            continue
        others = SpoolReport.objects.filter(connection_id=row.connection_id).exclude(pk=row.pk)
        before = others.alias(heard=HEARD).order_by("-heard").first()
        ended = (before.heard_at or before.at) if before else began
        if before is not None and ended < began and row.resumed_from is None:
            named = " → ".join(f"{one.host} {str(one.spool)[:8]}".strip() for one in (before, row))
            start, end = min(before.at, ended), max(row.listening_since, began)
            _nobody_listened(row, start, end, named, now)
        row.is_joined = True
        row.save(update_fields=["is_joined"])


def _nobody_listened(row: SpoolReport, start: datetime, end: datetime, named: str, now: datetime) -> None:
    slug = row.connection.slug
    source = f"{slug} {row.spool}"
    gap = gap_declared(source=source, cause=GONE, start=start, end=end, detail=named)
    deliveries_store(slug=slug, deliveries=[Delivery(samples=Columns(), gaps=[gap])], now=now)


def _until(row: SpoolReport) -> datetime:
    """To where a lost disk may have held values: its last word, or later, where the runner after it knows to
    have taken over, and says itself what was missed from then on.
    """
    after = SpoolReport.objects.filter(connection_id=row.connection_id, listening_since__gt=row.at)
    following = after.exclude(pk=row.pk).order_by("listening_since").first()
    return max(row.at, following.resumed_from or row.at) if following else row.at


def _write_off(row: SpoolReport, one: Spool, why: str, by: Actor, now: datetime) -> None:
    connection: Connection = row.connection
    known = one.since or last_stored(connection_id=row.connection_id, spool=row.spool)
    start = min(known or row.at, row.at)
    # Kept as text, read in every language: thousands apart by a space
    told = f"{one.waiting:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")
    detail = f"{one.name}: {told} values, {by.label}: {why}"
    end = _until(row)
    gap = gap_declared(
        source=f"{connection.slug} {row.spool}", cause=CAUSE, start=start, end=end, detail=detail
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
            "end_time": end.isoformat(),
        },
        at=now,
    )
