"""Stops, and what was said about them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, Greatest

from plant.access import Actor, scoped
from production.domain.account import NEAR, Said
from production.models import CountAssertion, NoteAssertion, OrderSpan, ReasonAssertion, Stop

FAR = datetime(9000, 1, 1, tzinfo=UTC)


def overlapping(start: datetime, end: datetime) -> Q:
    """Rows that share an instant with [start, end)."""
    return Q(start_time__lt=end) & (Q(end_time__isnull=True) | Q(end_time__gt=start))


def stops(actor: Actor) -> QuerySet[Stop]:
    """Stops of the machines the actor may look at, newest first, with ``assertion_id`` and ``had_order``.

    ``assertion_id``: the reason in force (the one said last that reaches the stop), None if none. A stop
    waits for a
    reason when ``needs_reason`` and ``had_order`` and no assertion: ``stops_uncoded``. Read reasons with
    ``told``.
    """
    found = Stop.objects.select_related("work_unit").annotate(assertion_id=_assertion(), had_order=_order())
    return scoped(found, actor, path="work_unit__path").order_by("-start_time", "pk")


def stops_uncoded(actor: Actor) -> QuerySet[Stop]:
    """Stops that wait for someone to say why."""
    found: QuerySet[Any] = stops(actor)
    return found.filter(needs_reason=True, had_order=True, assertion_id=None)


def reaching() -> Q:
    """Assertions that reach the stop of the outer query, by the account's own rule (``domain.account``).

    One without an end reaches only the stop it was said about: the first that ends after it was said of, and
    began at most NEAR later. Stops lie apart, so that none ended in between is told by the one before alone.
    """
    before = Stop.objects.filter(
        work_unit_id=OuterRef(OuterRef("work_unit_id")), start_time__lt=OuterRef(OuterRef("start_time"))
    )
    ended = Subquery(before.order_by("-start_time").values("end_time")[:1])
    about = Q(end_time__isnull=True, start_time__gte=Greatest(OuterRef("start_time") - Value(NEAR), ended))
    # While the stop goes on, whatever is said at or after its start reaches it.
    begins = Q(start_time__lt=Coalesce(OuterRef("end_time"), Value(FAR)))
    return (Q(end_time__gt=OuterRef("start_time")) | about) & begins


def _assertion() -> Subquery:
    said = ReasonAssertion.objects.filter(
        reaching(), equipment_id=OuterRef("work_unit_id"), reason__isnull=False, superseded_by=None
    )
    return Subquery(said.order_by("-said_at", "-pk").values("pk")[:1])


def _order() -> Q:
    """An order ran on the machine in the stop, its line's where nothing is told of the machine itself."""
    reaches = Q(end_time__isnull=True) | Q(end_time__gt=OuterRef("start_time"))
    spans = OrderSpan.objects.filter(reaches, start_time__lt=Coalesce(OuterRef("end_time"), Value(FAR)))
    machine, line = OuterRef("work_unit_id"), OuterRef("work_unit__parent_id")
    told = Exists(OrderSpan.objects.filter(equipment_id=machine))
    return Q(Exists(spans.filter(equipment_id=machine))) | (
        ~Q(told) & Q(Exists(spans.filter(equipment_id=line)))
    )


@dataclass(frozen=True, slots=True)
class StopTold:
    """A stop with the reason in force. ``duration`` None while it goes on."""

    stop: Stop
    said: ReasonAssertion | None

    @property
    def duration(self) -> timedelta | None:
        return None if self.stop.end_time is None else self.stop.end_time - self.stop.start_time

    @property
    def overrun(self) -> timedelta | None:
        """How much longer it took than its reason usually does; None when it did not, or nobody said."""
        usual = self.said.reason.expected_duration if self.said and self.said.reason else None
        if usual is None or self.duration is None or self.duration <= usual:
            return None
        return self.duration - usual


def told(found: Iterable[Stop]) -> list[StopTold]:
    """Stops of ``stops`` with the reason in force, who said it and when; one query for all."""
    rows = list(found)
    ids = {row.assertion_id for row in rows if row.assertion_id is not None}  # type: ignore[attr-defined]
    said = ReasonAssertion.objects.select_related("reason", "said_by", "said_on").in_bulk(list(ids))
    return [StopTold(row, said.get(row.assertion_id)) for row in rows]  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class SaidSince:
    """What people and rules said about a window after an instant, oldest first."""

    reasons: list[ReasonAssertion]
    counts: list[CountAssertion]


def said_since(*, equipment_ids: Iterable[int], start: datetime, end: datetime, since: datetime) -> SaidSince:
    """Reasons and counts about [start, end) of some equipment, said after ``since``."""
    about = Q(overlapping(start, end), equipment_id__in=list(equipment_ids), said_at__gt=since)
    reasons = ReasonAssertion.objects.filter(about).select_related("reason", "said_by")
    counts = CountAssertion.objects.filter(about).select_related("said_by")
    return SaidSince(list(reasons.order_by("said_at", "id")), list(counts.order_by("said_at", "id")))


def said_by_for(*, assertion_ids: Iterable[int]) -> dict[int, str]:
    """Who gave each reason: a person's name, or the rule that did."""
    found = ReasonAssertion.objects.filter(pk__in=list(assertion_ids)).select_related("said_by")
    return {said.pk: str(said.said_by) if said.said_by else said.said_by_rule for said in found}


def stop_containing(*, equipment_id: int, at: datetime) -> Stop | None:
    """The stop of a machine at an instant."""
    return Stop.objects.filter(
        Q(end_time__isnull=True) | Q(end_time__gt=at), work_unit_id=equipment_id, start_time__lte=at
    ).first()


def in_force(equipment_ids: Iterable[int]) -> QuerySet[ReasonAssertion]:
    """Reasons said of machines and not superseded."""
    said = ReasonAssertion.objects.filter(equipment_id__in=list(equipment_ids), reason__isnull=False)
    # Asked for each that is found: joined, all that was ever said would be read.
    later = ReasonAssertion.objects.filter(supersedes_id=OuterRef("pk")).order_by().values("pk")[:1]
    return said.alias(later=Subquery(later)).filter(later=None)


def reasons_in_force(
    *, equipment_ids: Iterable[int], start: datetime, end: datetime
) -> dict[int, list[Said]]:
    """Reasons that may reach a window, by machine, in the order they were said; superseded ones left out.

    One without an end reaches only the stop it was said about: begin the window where that stop began.
    """
    found = in_force(equipment_ids).filter(overlapping(start, end)).order_by("said_at", "id")
    said: dict[int, list[Said]] = {}
    rows = found.values_list(
        "equipment_id", "start_time", "end_time", "reason__code", "reason__time_class", "id"
    )
    for row in rows:
        said.setdefault(row[0], []).append(Said(*row[1:]))
    return said


def reason_history(*, equipment_id: int, start: datetime, end: datetime) -> QuerySet[ReasonAssertion]:
    """Everything ever said about a range of a machine, superseded or not, oldest first."""
    return (
        ReasonAssertion.objects.filter(overlapping(start, end), equipment_id=equipment_id)
        .select_related("reason", "said_by", "said_on", "supersedes")
        .annotate(superseded_id=F("superseded_by"))
        .order_by("said_at", "id")
    )


def notes(
    *, equipment_ids: Iterable[int], start: datetime, end: datetime, job_order_id: int | None = None
) -> list[NoteAssertion]:
    """Notes in force about a window of some equipment, and those about an order whenever they are dated."""
    about = Q(equipment_id__in=list(equipment_ids), start_time__gte=start, start_time__lt=end)
    about &= Q(job_order_id=job_order_id) | Q(job_order=None) if job_order_id is not None else Q()
    if job_order_id is not None:
        about |= Q(job_order_id=job_order_id)
    found = NoteAssertion.objects.filter(about, superseded_by=None).select_related("said_by", "equipment")
    return list(found.order_by("start_time", "id"))


def counts_said(*, job_order_id: int) -> list[CountAssertion]:
    """Counts in force said for an order, oldest first."""
    found = CountAssertion.objects.filter(job_order_id=job_order_id, superseded_by=None)
    return list(found.select_related("said_by", "equipment", "reason").order_by("start_time", "id"))


def counts_for_ids(ids: Iterable[int]) -> list[CountAssertion]:
    """Some counts, oldest first."""
    found = CountAssertion.objects.filter(pk__in=list(ids))
    return list(found.select_related("said_by", "equipment", "reason").order_by("start_time", "id"))
