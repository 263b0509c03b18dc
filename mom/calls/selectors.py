"""Open calls of a place, what became of them, and who of its people is on shift."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from maintenance import selectors as maintenance
from mom.calls.models import HelpCall, HelpCallEvent
from plant import selectors
from plant.access import Actor, scoped

if TYPE_CHECKING:
    from plant.models import Equipment, Person

# A call answered stays on the caller's screen this long, so that they see who came.
SHOWN = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class CallTold:
    """A call and where it stands. ``passed_to``: who was asked next; "" where nobody was on shift."""

    call: HelpCall
    taken_at: datetime | None
    taken_by: str
    resolved_at: datetime | None
    passed_to: tuple[str, ...]
    level: int

    @property
    def state(self) -> str:
        if self.resolved_at:
            return "resolved"
        return "taken" if self.taken_at else "raised"


def _all() -> QuerySet[HelpCall]:
    found = HelpCall.objects.select_related("equipment", "raised_by")
    return found.prefetch_related("events__person")


def call_by_id(call_id: int) -> HelpCall:
    """Raises HelpCall.DoesNotExist."""
    return _all().get(pk=call_id)


def _resolved() -> Exists:
    steps = HelpCallEvent.objects.filter(call=OuterRef("pk"), kind=HelpCallEvent.Kind.RESOLVED)
    return Exists(steps)


def calls_open() -> QuerySet[HelpCall]:
    """Not resolved, oldest first."""
    return _all().filter(~_resolved()).order_by("raised_at", "pk")


def calls_open_at(*, equipment_path: str, at: datetime) -> QuerySet[HelpCall]:
    """Raised by an instant and not resolved by then, at a place and below it, oldest first."""
    steps = HelpCallEvent.objects.filter(call=OuterRef("pk"), kind=HelpCallEvent.Kind.RESOLVED, at__lte=at)
    found = _all().filter(~Exists(steps), equipment__path__startswith=equipment_path, raised_at__lte=at)
    return found.order_by("raised_at", "pk")


def calls_of_stop(*, equipment: Equipment, start: datetime, end: datetime) -> list[CallTold]:
    """Calls to a machine, or to its line, raised in [start, end]; oldest first."""
    line = selectors.line_of(equipment)
    places = [equipment.pk, *([line.pk] if line else [])]
    found = _all().filter(equipment_id__in=places, raised_at__gte=start, raised_at__lte=end)
    return [call_told(call) for call in found.order_by("raised_at", "pk")]


def calls_shown(actor: Actor, *, now: datetime, path: str = "/") -> list[CallTold]:
    """Calls of a place the actor may see: open ones, and those answered a moment ago; oldest first."""
    lately = Exists(
        HelpCallEvent.objects.filter(
            call=OuterRef("pk"), kind=HelpCallEvent.Kind.RESOLVED, at__gt=now - SHOWN
        )
    )
    found = scoped(_all(), actor).filter(~_resolved() | lately, equipment__path__startswith=path)
    told = [call_told(call) for call in found.order_by("raised_at", "pk")[:200]]
    return [each for each in told if each.resolved_at is None or each.resolved_at > now - SHOWN]


def call_told(call: HelpCall) -> CallTold:
    """A call with its steps; one of maintenance also with those of its request, whichever came first."""
    steps = {event.kind: event for event in call.events.all() if event.kind != HelpCallEvent.Kind.PASSED_ON}
    passed = [event for event in call.events.all() if event.kind == HelpCallEvent.Kind.PASSED_ON]
    taken, resolved = steps.get(HelpCallEvent.Kind.TAKEN), steps.get(HelpCallEvent.Kind.RESOLVED)
    taken_at, taken_by = (taken.at, _name(taken.person)) if taken else _taken_of_request(call)
    resolved_at = resolved.at if resolved else _done_of_request(call)
    return CallTold(
        call,
        taken_at,
        taken_by,
        resolved_at,
        tuple(_name(event.person) for event in passed),
        max((event.level for event in passed), default=0),
    )


def _name(person: Person | None) -> str:
    return (person.name or person.badge) if person else ""


def _taken_of_request(call: HelpCall) -> tuple[datetime | None, str]:
    if not call.request_code:
        return None, ""
    request = maintenance.request_by_code(call.request_code)
    taken = next((event for event in request.events.all() if event.kind == "taken"), None)
    return (taken.at, _name(taken.person)) if taken else (None, "")


def _done_of_request(call: HelpCall) -> datetime | None:
    if not call.request_code:
        return None
    kinds = maintenance.events_by_kind(maintenance.request_by_code(call.request_code))
    return next((kinds[kind] for kind in ("repair_ended", "closed", "withdrawn") if kind in kinds), None)


def people_on_shift(*, equipment: Equipment, roles: tuple[str, ...], now: datetime) -> list[Person]:
    """Who has one of these roles at the place and was seen since its shift began: badged in, or wrote.

    The product knows no roster: whoever did something since then is there. Between shifts nobody is.
    """
    line = selectors.line_of(equipment)
    shift = selectors.shift_at(line_id=line.pk, at=now) if line else None
    if shift is None:
        return []
    seen = selectors.configuration_rows("plant.AuditEntry", at__gte=shift.start_time, at__lte=now)
    ids = set(seen.exclude(person=None).order_by().values_list("person_id", flat=True).distinct())
    held: Any = selectors.configuration_rows("plant.RoleAssignment", role__in=roles, person_id__in=ids)
    held = held.filter(_above(equipment.path), person__is_active=True).select_related("person")
    return sorted({row.person for row in held}, key=lambda person: (person.name, person.badge))


def _above(path: str) -> Q:
    """Places that hold this path: itself and every place above it."""
    parts = path.strip("/").split("/")
    return Q(scope__path__in=["/", *("/" + "/".join(parts[: n + 1]) + "/" for n in range(len(parts)))])
