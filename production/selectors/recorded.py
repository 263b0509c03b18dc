"""What was recorded about a window after an instant: the causes of a figure that is no longer what it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from django.db.models import Q

from plant import selectors as plant
from production.models import (
    CountAssertion,
    IdealRate,
    JobOrderEvent,
    JobOrderVersion,
    ReasonAssertion,
)
from production.selectors.stopped import overlapping

if TYPE_CHECKING:
    from production.models import JobOrder


@dataclass(frozen=True, slots=True)
class RecordedSince:
    """Oldest first. ``versions`` and ``events`` are those of orders; ``rates`` hold in the window."""

    reasons: Sequence[ReasonAssertion]
    counts: Sequence[CountAssertion]
    versions: Sequence[JobOrderVersion]
    events: Sequence[JobOrderEvent]
    rates: Sequence[IdealRate]


def recorded_since(
    *,
    equipment_ids: Iterable[int],
    start: datetime,
    end: datetime,
    since: datetime,
    job_order_id: int | None = None,
) -> RecordedSince:
    """About [start, end) of some equipment, its orders' plan included (one order's alone, where given)."""
    ids = list(equipment_ids)
    about = Q(overlapping(start, end), equipment_id__in=ids)
    reasons = ReasonAssertion.objects.filter(about, _came(since, "reasonassertion"))
    counts = CountAssertion.objects.filter(about, _came(since, "countassertion"))
    of_order = Q(job_order_id=job_order_id) if job_order_id else Q(job_order__line_id__in=ids)
    # A plan of before is told by its place in time, not by when it was written.
    versions = JobOrderVersion.objects.filter(of_order, recorded_at__gt=since, at__lt=end)
    events = JobOrderEvent.objects.filter(of_order, recorded_at__gt=since, at__lt=end)
    if not job_order_id:
        versions, events = versions.filter(at__gte=start), events.filter(at__gte=start)
    rates = IdealRate.objects.filter(equipment_id__in=ids, recorded_at__gt=since, valid_from__lt=end)
    return RecordedSince(
        reasons=list(
            reasons.select_related("reason", "said_by", "equipment", "supersedes__reason").order_by("said_at")
        ),
        counts=list(counts.select_related("said_by", "equipment", "supersedes").order_by("said_at")),
        versions=list(versions.select_related("job_order", "person").order_by("at", "pk")),
        events=list(events.select_related("job_order", "person").order_by("at", "pk")),
        rates=list(rates.select_related("equipment", "product").order_by("recorded_at")),
    )


def _came(since: datetime, subject_type: str) -> Q:
    """Said after an instant, or said before on a tablet without contact and come in after it."""
    written: Any = plant.configuration_rows(
        "plant.AuditEntry", subject_type=subject_type, recorded_at__gt=since
    )
    codes = written.filter(at__lte=since).order_by().values_list("subject_code", flat=True)
    return Q(said_at__gt=since) | Q(pk__in=[int(code.rsplit(" ", 1)[1]) for code in codes if " " in code])


def orders_known_at(*, line_id: int, at: datetime) -> list[JobOrder]:
    """A line's orders still to do at an instant: the running one first, then by the plan as it stood then."""
    known: Any = JobOrderVersion.objects.filter(job_order__line_id=line_id, at__lte=at)
    newest = known.order_by("job_order_id", "-version").distinct("job_order_id")
    rows = [
        row
        for row in newest.select_related("job_order__product")
        if row.job_order.ended_at is None or row.job_order.ended_at > at
    ]

    def turn(row: JobOrderVersion) -> tuple[bool, int, str]:
        started = row.job_order.started_at
        return not (started and started <= at), row.plan.get("sequence") or 0, row.job_order.code

    return [row.job_order for row in sorted(rows, key=turn)]


def said_of(assertion_ids: Iterable[int]) -> dict[int, datetime]:
    """When each reason was given."""
    found = ReasonAssertion.objects.filter(pk__in=list(assertion_ids))
    return dict(found.values_list("pk", "said_at"))


class Edited(NamedTuple):
    """One entry in place of another: what about, before and after."""

    at: datetime
    by: str
    what: str
    before: str
    after: str


def edits_between(*, equipment_ids: Iterable[int], start: datetime, end: datetime) -> list[Edited]:
    """Reasons and counts about [start, end) of some equipment that superseded others, oldest first."""
    about = Q(overlapping(start, end), equipment_id__in=list(equipment_ids), supersedes__isnull=False)
    reasons = ReasonAssertion.objects.filter(about).select_related(
        "reason", "supersedes__reason", "said_by", "equipment"
    )
    counts = CountAssertion.objects.filter(about).select_related("supersedes", "said_by", "equipment")
    found = [
        Edited(row.said_at, _who(row), row.equipment.name, _reason(row.supersedes), _reason(row))
        for row in reasons
    ]
    found += [
        Edited(row.said_at, _who(row), row.equipment.name, _quantity(row.supersedes), _quantity(row))
        for row in counts
    ]
    return sorted(found)


def _who(row: Any) -> str:
    return str(row.said_by) if row.said_by else str(row.said_by_rule)


def _reason(row: Any) -> str:
    return row.reason.name if row and row.reason else "–"


def _quantity(row: Any) -> str:
    return f"{row.quantity.normalize():f}"
