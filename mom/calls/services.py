"""Raising a call, taking it, resolving it, and passing it on when nobody comes."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from maintenance.services import RequestRefused, request_raise, request_repair_end, request_take
from mom.calls.limits import RESOLVE, TAKE, limits_of, shortest_take
from mom.calls.models import HelpCall, HelpCallEvent
from mom.calls.selectors import call_by_id, call_told, calls_open, people_on_shift
from plant import audit, selectors
from plant.access import Actor, rule
from plant.services import revision_bump
from production.selectors import stop_containing

if TYPE_CHECKING:
    from plant.models import Equipment

log = logging.getLogger(__name__)
Kind, Step = HelpCall.Kind, HelpCallEvent.Kind


class CallRefused(ValueError):
    """The call, or a step of it, cannot be taken; the message says why."""

    is_bad_input = True


@transaction.atomic
def call_raise(*, kind: str, equipment: Equipment, by: Actor, at: datetime) -> HelpCall:
    """Ask somebody to come. An open call of the same kind to the same place stands: it is not raised twice.

    A call of maintenance raises a maintenance request for the stop the machine is in, or from now on.
    Raises CallRefused, PermissionDenied.
    """
    by.require("maintenance.request", equipment)
    if kind not in Kind.values:
        raise CallRefused(f"kind: read {kind!r}, expected one of {', '.join(Kind.values)}")
    _place_lock(kind, equipment.pk)
    for earlier in calls_open().filter(kind=kind, equipment_id=equipment.pk):
        if call_told(earlier).resolved_at is None:
            return earlier
    code = _request(equipment, by, at) if kind == Kind.MAINTENANCE else ""
    call = HelpCall.objects.create(
        kind=kind,
        equipment_id=equipment.pk,
        raised_at=at,
        raised_by_id=by.person_id,
        device_id=by.device_id,
        request_code=code,
    )
    _written(call, equipment, "raise", by, at)
    return call


def _place_lock(kind: str, equipment_id: int) -> None:
    """Two tablets calling the same help to the same place at once raise one call: the second waits."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 13))", [f"{kind} {equipment_id}"])


def _request(equipment: Equipment, by: Actor, at: datetime) -> str:
    stop = stop_containing(equipment_id=equipment.pk, at=at)
    try:
        return request_raise(
            equipment=equipment, stop_start=stop.start_time if stop else at, by=by, at=at
        ).code
    except RequestRefused as refusal:
        raise CallRefused(str(refusal)) from None


def call_take(*, call_id: int, by: Actor, at: datetime) -> HelpCallEvent:
    """Somebody has it; the caller sees who. Refused when another took it, or it is done."""
    return _step(call_id, Step.TAKEN, by, at)


def call_resolve(*, call_id: int, by: Actor, at: datetime) -> HelpCallEvent:
    """It is done. Whoever resolves a call that nobody took is noted as having taken it too."""
    return _step(call_id, Step.RESOLVED, by, at)


@transaction.atomic
def _step(call_id: int, kind: str, by: Actor, at: datetime) -> HelpCallEvent:
    try:
        call = call_by_id(call_id)
    except HelpCall.DoesNotExist:
        raise CallRefused(_("This call is not known.")) from None
    by.require("maintenance.request", call.equipment)
    told = call_told(call)
    if told.resolved_at is not None:
        raise CallRefused(
            _("This call was answered at %(at)s already.") % {"at": _clock(told.resolved_at, call)}
        )
    if kind == Step.TAKEN and told.taken_at is not None:
        words = {"who": told.taken_by or "–", "at": _clock(told.taken_at, call)}
        raise CallRefused(_("Taken by %(who)s at %(at)s already.") % words)
    at = max(at, call.raised_at)
    if kind == Step.RESOLVED and told.taken_at is None:
        _event(call, Step.TAKEN, by, at)
    event = _event(call, kind, by, at)
    if call.request_code and by.may("maintenance.work", call.equipment):
        _request_step(call.request_code, kind, by, at)
    _written(call, call.equipment, "take" if kind == Step.TAKEN else "resolve", by, at)
    return event


@transaction.atomic
def call_end(*, call: HelpCall, by: Actor, at: datetime) -> None:
    """The product ends a call it raised itself: the machine runs again. Nobody is noted as its taker."""
    _event(call, Step.RESOLVED, by, at)
    _written(call, call.equipment, "resolve", by, at)


def _clock(at: datetime, call: HelpCall) -> str:
    return f"{at.astimezone(selectors.site_zone(call.equipment)):%H:%M}"


def _event(call: HelpCall, kind: str, by: Actor, at: datetime) -> HelpCallEvent:
    try:
        with transaction.atomic():
            return HelpCallEvent.objects.create(
                call=call, kind=kind, at=at, person_id=by.person_id, device_id=by.device_id
            )
    except IntegrityError:
        # Two people tapped at once: the database let one of them through.
        raise CallRefused(_("Somebody else was quicker.")) from None


def _request_step(code: str, kind: str, by: Actor, at: datetime) -> None:
    """The request behind it takes the same step, unless it has one already."""
    try:
        with transaction.atomic():
            if kind == Step.TAKEN:
                request_take(request_code=code, by=by, at=at)
            else:
                request_repair_end(request_code=code, by=by, at=at)
    except RequestRefused:
        return


def calls_pass_on(*, now: datetime) -> int:
    """Every open call that nobody took, or nobody resolved, in time is passed to those on shift. How many.

    Each in a transaction of its own: one that cannot be passed on is logged and stops no other.
    """
    passed = 0
    overdue = Q(raised_at__lte=now - shortest_take()) | Q(raised_by=None)
    for call in list(calls_open().filter(overdue)):
        try:
            passed += _pass_on(call, now)
        except Exception:
            log.exception("passing on call %s failed, others go on", call.pk)
    return passed


@transaction.atomic
def _pass_on(call: HelpCall, now: datetime) -> int:
    told = call_told(call)
    if told.resolved_at is not None:
        return 0
    limits = limits_of(call)
    waits = now - call.raised_at
    level = 2 if waits >= limits.resolve else 1 if told.taken_at is None and waits >= limits.take else 0
    if level <= told.level:
        return 0
    people = people_on_shift(equipment=call.equipment, roles=limits.next[level - 1], now=now)
    asked: list[int | None] = [person.pk for person in people]
    for person_id in asked or [None]:
        HelpCallEvent.objects.create(call=call, kind=Step.PASSED_ON, at=now, person_id=person_id, level=level)
    _written(call, call.equipment, "pass_on", rule("call-escalation"), now)
    return 1


def _written(call: HelpCall, equipment: Equipment, verb: str, by: Actor, at: datetime) -> None:
    audit.record(
        by=by,
        action=f"call.{verb}",
        subject_type="help_call",
        subject_code=f"{call.kind} {equipment.code} {call.pk}",
        after={"at": at.isoformat()},
    )
    line = selectors.line_of(equipment)
    if line is not None:
        revision_bump(line_id=line.pk)


def calls_watch() -> int:
    return calls_pass_on(now=timezone.now())


__all__ = [
    "RESOLVE",
    "TAKE",
    "CallRefused",
    "call_end",
    "call_raise",
    "call_resolve",
    "call_take",
    "calls_pass_on",
    "calls_watch",
]
