"""Requests: open ones, those of an order, and the ones like it that were cured before."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Exists, OuterRef, Q, QuerySet

from maintenance.domain.requests import Durations, State, durations, kinds_of, state_of
from maintenance.models import InterventionImport, MaintenanceEvent, MaintenanceRequest
from plant.access import Actor, scoped

if TYPE_CHECKING:
    from production.models import JobOrder


def _all() -> QuerySet[MaintenanceRequest]:
    found = MaintenanceRequest.objects.select_related("equipment", "job_order", "said_by")
    return found.prefetch_related("events__person", "imports")


def requests(actor: Actor) -> QuerySet[MaintenanceRequest]:
    """Of the places the actor may see, latest stop first."""
    return scoped(_all(), actor)


def request_by_code(code: str) -> MaintenanceRequest:
    """Raises MaintenanceRequest.DoesNotExist."""
    return _all().get(code=code)


def request_of_stop(*, equipment_id: int, stop_start: datetime) -> MaintenanceRequest | None:
    return _all().filter(equipment_id=equipment_id, stop_start=stop_start).first()


def request_near(*, equipment_id: int, at: datetime, within: timedelta) -> MaintenanceRequest | None:
    """The request whose stop began nearest to ``at``, within ``within``, that no file tells of yet."""
    here = _all().filter(equipment_id=equipment_id, imports=None)
    found = here.filter(stop_start__gte=at - within, stop_start__lte=at + within)
    return min(found, key=lambda request: abs(request.stop_start - at), default=None)


def requests_open(*, equipment_path: str) -> QuerySet[MaintenanceRequest]:
    """Neither closed nor withdrawn, at a place (a line, a machine) and below it."""
    return _all().filter(still_open(), equipment__path__startswith=equipment_path)


def requests_open_at(*, equipment_path: str, at: datetime) -> QuerySet[MaintenanceRequest]:
    """Raised by an instant, and by then neither closed nor withdrawn, at a place and below it."""
    of_request = MaintenanceEvent.objects.filter(request=OuterRef("pk"), at__lte=at)
    again = MaintenanceEvent.objects.filter(
        request=OuterRef("request"),
        kind=MaintenanceEvent.Kind.RAISED_AGAIN,
        pk__gt=OuterRef("pk"),
        at__lte=at,
    )
    withdrawn = of_request.filter(~Exists(again), kind=MaintenanceEvent.Kind.WITHDRAWN)
    return _all().filter(
        ~Exists(of_request.filter(kind=MaintenanceEvent.Kind.CLOSED)),
        ~Exists(withdrawn),
        equipment__path__startswith=equipment_path,
        said_at__lte=at,
    )


def still_open() -> Q:
    """For requests: nobody closed them, and they are not withdrawn."""
    of_request = MaintenanceEvent.objects.filter(request=OuterRef("pk"))
    return ~Q(Exists(of_request.filter(kind=MaintenanceEvent.Kind.CLOSED))) & ~Q(Exists(_withdrawal()))


def _withdrawal() -> QuerySet[MaintenanceEvent]:
    """For each request of an outer query: its withdrawal, unless it was raised again since."""
    again = MaintenanceEvent.objects.filter(
        request=OuterRef("request"), kind=MaintenanceEvent.Kind.RAISED_AGAIN, pk__gt=OuterRef("pk")
    )
    found = MaintenanceEvent.objects.filter(request=OuterRef("pk"), kind=MaintenanceEvent.Kind.WITHDRAWN)
    return found.filter(~Exists(again))


def requests_for_order(order: JobOrder) -> QuerySet[MaintenanceRequest]:
    """Raised in the order; or in none, for a stop on its line while it ran."""
    own = Q(job_order_id=order.pk)
    if order.started_at is not None:
        during = Q(job_order=None, equipment__path__startswith=order.line.path)
        during &= Q(stop_start__gte=order.started_at)
        if order.ended_at is not None:
            during &= Q(stop_start__lt=order.ended_at)
        own |= during
    return _all().filter(own)


def events_by_kind(request: MaintenanceRequest) -> dict[str, datetime]:
    """When each step was taken; ``withdrawn`` while it is."""
    recorded = sorted(request.events.all(), key=lambda event: event.pk)
    return kinds_of((event.kind, event.at) for event in recorded)


def request_state(request: MaintenanceRequest) -> State:
    return state_of(events_by_kind(request))


def request_durations(request: MaintenanceRequest) -> Durations:
    return durations(stop_start=request.stop_start, kinds=events_by_kind(request))


def request_cure(request: MaintenanceRequest) -> str:
    """What cured it; empty while nobody has said."""
    return next((event.cure for event in request.events.all() if event.cure), "")


def similar_requests(
    *, equipment_id: int, reason_code: str, before: datetime, limit: int = 3
) -> list[MaintenanceRequest]:
    """The last requests of the same machine and reason for earlier stops; none when no reason is given.

    A withdrawn one was no failure of that sort.
    """
    if not reason_code:
        return []
    found = _all().filter(
        ~Exists(_withdrawal()), equipment_id=equipment_id, reason_code=reason_code, stop_start__lt=before
    )
    return list(found[:limit])


def source_rows(request: MaintenanceRequest) -> list[InterventionImport]:
    """Rows of maintenance's own spreadsheets that tell of this request."""
    return list(request.imports.all())


def intervention_imports_known(digests: list[str]) -> set[str]:
    return set(InterventionImport.objects.filter(digest__in=digests).values_list("digest", flat=True))
