"""Raising requests, taking them, repairing and closing them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from maintenance import selectors
from maintenance.domain.requests import misplaced
from maintenance.models import MaintenanceEvent, MaintenanceRequest
from plant import audit
from plant import selectors as plant
from plant.access import Actor
from plant.hooks import ReasonSaid, ReasonWithdrawn
from plant.services import revision_bump
from production.selectors.lookups import job_order_running

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.models import JobOrder

AHEAD = timedelta(minutes=5)
Kind = MaintenanceEvent.Kind


class RequestRefused(ValueError):
    """A request or a step of it that cannot be taken: what was read, and what was expected."""

    is_bad_input = True


@transaction.atomic
def request_raise(
    *,
    equipment: Equipment,
    stop_start: datetime,
    by: Actor,
    reason_code: str = "",
    description: str = "",
    at: datetime | None = None,
) -> MaintenanceRequest:
    """Ask maintenance to end a stop. Raised again for the same one, the first stands, withdrawn or not."""
    by.require("maintenance.request", equipment)
    if stop_start.tzinfo is None:
        raise RequestRefused(f"stop_start: read {stop_start.isoformat()}, expected a time with its zone")
    if stop_start > timezone.now() + AHEAD:
        raise RequestRefused(f"stop_start: read {stop_start.isoformat()}, expected a time not in the future")
    _stop_lock(equipment.pk, stop_start)
    earlier = selectors.request_of_stop(equipment_id=equipment.pk, stop_start=stop_start)
    if earlier is not None:
        return _raised_again(earlier, by, at or timezone.now())
    order = _order(equipment, stop_start)
    number = _number()
    request = MaintenanceRequest.objects.create(
        id=number,
        code=f"MR-{number:06d}",
        equipment=equipment,
        stop_start=stop_start,
        reason_code=reason_code[:40],
        job_order=order,
        description=description.strip(),
        context=selectors.failure_context(
            equipment_id=equipment.pk, at=stop_start, reason_code=reason_code, order=order
        ),
        said_by_id=by.person_id,
        said_by_rule="" if by.person_id else by.label[:80],
        said_on_id=by.device_id,
        said_at=at or timezone.now(),
    )
    _trail(request, "raise", by, {"stop_start": stop_start.isoformat(), "reason": reason_code})
    return request


def _stop_lock(equipment_id: int, stop_start: datetime) -> None:
    """Two tablets coding the same stop at once raise one request: the second waits for the first."""
    with connection.cursor() as cursor:
        name = f"{equipment_id} {stop_start.timestamp()}"
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 11))", [name])


def _number() -> int:
    """The row's own key, taken beforehand so that its code can carry it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('maintenance_maintenancerequest', 'id'))")
        return int(cursor.fetchone()[0])


def _order(equipment: Equipment, at: datetime) -> JobOrder | None:
    line = plant.line_of(equipment)
    ids = dict.fromkeys([equipment.pk, *([line.pk] if line else [])])
    return job_order_running(equipment_ids=ids, at=at)


def reason_heard(said: ReasonSaid) -> None:
    """A reason that opens a request raises it in the same transaction: one gesture for the operator."""
    if not said.opens_request:
        return
    equipment = plant.equipment_for_ids([said.equipment_id])[said.equipment_id]
    request_raise(
        equipment=equipment,
        stop_start=said.start_time,
        by=said.by,
        reason_code=said.reason_code,
        description=said.comment,
        at=said.at,
    )


def _raised_again(request: MaintenanceRequest, by: Actor, at: datetime) -> MaintenanceRequest:
    if selectors.request_state(request) != "withdrawn":
        return request
    _record(request, Kind.RAISED_AGAIN, by, at)
    return selectors.request_by_code(request.code)


def reason_withdrawn_heard(said: ReasonWithdrawn) -> None:
    """A request nobody has taken goes with the reason that raised it; on any other it leaves a note.

    A request raised by hand, without a reason, stays: someone asked for it.
    """
    if not said.opened_request:
        return
    _stop_lock(said.equipment_id, said.start_time)
    request = selectors.request_of_stop(equipment_id=said.equipment_id, stop_start=said.start_time)
    if request is None or not request.reason_code:
        return
    words = {"reason": said.reason_code, "instead": said.instead}
    text = _("reason %(reason)s was taken back") % words
    if said.instead:
        text = _("reason %(reason)s was replaced by %(instead)s") % words
    state = selectors.request_state(request)
    if state == "open" and not said.still_asked:
        _record(request, Kind.WITHDRAWN, said.by, said.at, text=text)
    elif state != "withdrawn" and said.instead != said.reason_code:
        _record(request, Kind.NOTE, said.by, said.at, text=text)


def request_take(*, request_code: str, by: Actor, at: datetime | None = None) -> MaintenanceEvent:
    """Someone of maintenance has it."""
    return _event(request_code, Kind.TAKEN, by, at)


def request_repair_start(*, request_code: str, by: Actor, at: datetime | None = None) -> MaintenanceEvent:
    return _event(request_code, Kind.REPAIR_STARTED, by, at)


def request_repair_end(*, request_code: str, by: Actor, at: datetime | None = None) -> MaintenanceEvent:
    return _event(request_code, Kind.REPAIR_ENDED, by, at)


def request_close(*, request_code: str, cure: str, by: Actor, at: datetime | None = None) -> MaintenanceEvent:
    """Closed, with what cured it: the next one like it shows these words."""
    if not cure.strip():
        raise RequestRefused("cure: read nothing, expected what cured it")
    return _event(request_code, Kind.CLOSED, by, at, cure.strip())


@transaction.atomic
def _event(code: str, kind: str, by: Actor, at: datetime | None, cure: str = "") -> MaintenanceEvent:
    try:
        request = selectors.request_by_code(code)
    except ObjectDoesNotExist:
        raise RequestRefused(f"request: read {code!r}, expected a number known here") from None
    by.require("maintenance.work", request.equipment)
    # The operator may be taking the reason back at this moment: one of the two comes first.
    _stop_lock(request.equipment_id, request.stop_start)
    request = selectors.request_by_code(code)
    at = at or timezone.now()
    if at.tzinfo is None or at > timezone.now() + AHEAD:
        raise RequestRefused(f"at: read {at.isoformat()}, expected a past time with its zone")
    wrong = misplaced(kind, at, stop_start=request.stop_start, kinds=selectors.events_by_kind(request))
    if wrong is not None:
        raise RequestRefused(wrong)
    try:
        with transaction.atomic():
            return _record(request, kind, by, at, cure=cure)
    except IntegrityError:
        raise RequestRefused(f"{kind}: someone else said it meanwhile") from None


def _record(
    request: MaintenanceRequest, kind: str, by: Actor, at: datetime, *, cure: str = "", text: str = ""
) -> MaintenanceEvent:
    event = MaintenanceEvent.objects.create(
        request=request,
        kind=kind,
        at=at,
        person_id=by.person_id,
        device_id=by.device_id,
        actor=by.label[:80],
        cure=cure,
        text=text,
    )
    _trail(request, kind, by, {"at": at.isoformat(), **({"cure": cure} if cure else {"text": text})})
    return event


def _trail(request: MaintenanceRequest, what: str, by: Actor, after: dict[str, Any]) -> None:
    audit.record(
        by=by,
        action=f"maintenance_request.{what}",
        subject_type="maintenance_request",
        subject_code=request.code,
        after=after,
    )
    line = plant.line_of(request.equipment)
    if line is not None:
        revision_bump(line_id=line.pk)
