"""One runner follows a connection; others with the same work stand by and take over when it is gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import connection as database
from django.db import transaction

from connectors.domain.outage import GapRecord
from connectors.models import Connection, Gap
from connectors.models.notice import FollowerLease

LASTS: Final = timedelta(seconds=20)


@dataclass(frozen=True, slots=True)
class Taken:
    """``since``: how far the runner before this one got; None when there was none or it was this one.
    ``open_gaps``: what it left open.
    """

    since: datetime | None = None
    open_gaps: tuple[GapRecord, ...] = ()


def leases_hold(*, slugs: Iterable[str], holder: UUID) -> dict[str, Taken]:
    """The connections this runner may follow for the next seconds, by the database's clock."""
    wanted = dict(Connection.objects.filter(slug__in=list(slugs)).values_list("pk", "slug"))
    with transaction.atomic():
        now = _clock()
        fresh = [FollowerLease(connection_id=pk, holder=holder, renewed_at=now, until=now) for pk in wanted]
        FollowerLease.objects.bulk_create(fresh, ignore_conflicts=True)
        leases = FollowerLease.objects.select_for_update().filter(connection_id__in=wanted)
        held = [lease for lease in leases.order_by("pk") if lease.holder == holder or lease.until <= now]
        taken = {lease.pk: _taken(lease) for lease in held if lease.holder != holder}
        ids = [lease.pk for lease in held]
        FollowerLease.objects.filter(pk__in=ids).update(holder=holder, renewed_at=now, until=now + LASTS)
    return {wanted[lease.connection_id]: taken.get(lease.pk, Taken()) for lease in held}


def leases_release(*, holder: UUID) -> None:
    """A clean stop lets the next one in at once."""
    with transaction.atomic():
        FollowerLease.objects.filter(holder=holder).update(until=_clock())


def _taken(lease: FollowerLease) -> Taken:
    """Gaps are closed by what is heard, so who takes over must know which are open."""
    closed = Gap.objects.filter(connection_id=lease.connection_id, end_time__isnull=False).values("key")
    rows = Gap.objects.filter(connection_id=lease.connection_id, end_time=None).exclude(key__in=closed)
    gaps = {
        row.key: GapRecord(
            key=row.key, cause=row.cause, start_time=row.start_time, scope=row.scope, detail=row.detail
        )
        for row in rows
    }
    return Taken(lease.renewed_at, tuple(gaps.values()))


def _clock() -> datetime:
    with database.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    assert isinstance(now, datetime)
    return now
