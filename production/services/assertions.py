"""What people say about a machine's time and counts. Said once; corrected only by saying something new."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from plant import audit, hooks
from plant import selectors as plant
from plant.access import Action, Actor
from plant.models.base import Assertion
from plant.services import counted_by_hand, revision_bump, revisions_together
from production.models import CountAssertion, NoteAssertion, ReasonAssertion, RollupMark
from production.selectors.stopped import stop_containing
from production.services.plans import StaleView

if TYPE_CHECKING:
    from plant.models import Equipment, Reason

A = TypeVar("A", bound=Assertion)
T = TypeVar("T")
INSTANT = timedelta(microseconds=1)
RESULTS = (CountAssertion.Kind.REWORK_GOOD, CountAssertion.Kind.REWORK_SCRAP)


class Refused(ValueError):
    """What was said cannot be taken: what was read, and what was expected."""

    is_bad_input = True


def stop_turn(equipment_code: str, start_time: datetime) -> tuple[str, float]:
    """The order in which whoever says reasons of several stops in one transaction takes them."""
    return equipment_code, start_time.timestamp()


@contextmanager
def reasons_together(rows: Iterable[T], of: Callable[[T], tuple[str, datetime]]) -> Iterator[list[T]]:
    """For ``reason_assert`` of several stops in one transaction: the rows in the order to say them in.

    ``of``: machine code and start of the stop a row is about. Other floors lock each stop until the
    transaction ends. Taken in one order, and the lines' revisions after all of them, two never wait for each
    other.
    """
    with revisions_together():
        yield sorted(rows, key=lambda row: stop_turn(*of(row)))


@transaction.atomic
def reason_assert(
    *,
    equipment_id: int,
    start_time: datetime,
    end_time: datetime | None,
    reason_code: str,
    by: Actor,
    seen_end: datetime | None = None,
    supersedes: int | None = None,
    comment: str = "",
    at: datetime | None = None,
) -> ReasonAssertion:
    """Say why a machine did not run in [start_time, end_time); ``end_time`` None: until the stop there ends.

    ``seen_end`` is the end of the stop the author saw, None if it was going on. Raises StaleView, with both
    versions,
    when there is no stop at ``start_time`` any more, when it ends elsewhere than seen, or when
    ``supersedes`` has been
    superseded already; Refused for a reason not offered on the machine. An empty code takes ``supersedes``
    back.
    """
    equipment = _equipment(equipment_id)
    by.require("stop.code", equipment)
    _range_check(start_time, end_time)
    reason = _reason_for(equipment, reason_code, start_time, seen_end, supersedes)
    span = {"equipment_id": equipment_id, "start_time": start_time, "end_time": end_time}
    said = _say(ReasonAssertion, by=by, at=at, supersedes=supersedes, reason=reason, comment=comment, **span)
    if supersedes is not None:
        _withdrawn_tell(said, by)
    if reason is not None:
        what = (reason.code, reason.opens_request, comment)
        hooks.reason_said.tell(hooks.ReasonSaid(equipment_id, start_time, *what, by, said.said_at))
    # Last, because it locks the line's revision: other floors lock a stop's request before that, never after.
    _told(said, "stop.reason", equipment, by, {"reason": reason_code, **span})
    return said


@transaction.atomic
def note_assert(
    *,
    equipment_id: int,
    start_time: datetime,
    text: str,
    by: Actor,
    end_time: datetime | None = None,
    job_order_id: int | None = None,
    supersedes: int | None = None,
    at: datetime | None = None,
) -> NoteAssertion:
    """Write a note about a machine or line at an instant, or over a range. Refused when it is empty."""
    equipment = _equipment(equipment_id)
    by.require("note.write", equipment)
    _range_check(start_time, end_time)
    if not text.strip():
        raise Refused(f"text: read {text!r}, expected a note")
    said = _say(
        NoteAssertion,
        by=by,
        at=at,
        supersedes=supersedes,
        equipment_id=equipment_id,
        start_time=start_time,
        end_time=end_time,
        job_order_id=job_order_id,
        text=text.strip(),
    )
    _told(said, "note.write", equipment, by, {"start_time": start_time, "text": text.strip()})
    return said


@transaction.atomic
def count_assert(
    *,
    equipment_id: int,
    start_time: datetime,
    end_time: datetime,
    kind: str,
    quantity: Decimal,
    by: Actor,
    job_order_id: int | None = None,
    reason_code: str = "",
    supersedes: int | None = None,
    comment: str = "",
    at: datetime | None = None,
    together: UUID | None = None,
) -> CountAssertion:
    # One value per line: long, and flat.
    """Say how many pieces were good, scrapped, sent to rework, or good or scrapped after it, in [start_time,
    end_time).

    Where the machine counts that itself it stands beside its count, and of scrap says why; where it does not,
    it is the machine's quantity. Refused below 0, of an unknown kind, or with a reason not offered there.
    """
    equipment = _equipment(equipment_id)
    by.require("count.enter", equipment)
    _count_check(start_time, end_time, kind, quantity)
    _place_check(equipment, kind)
    said = _say(
        CountAssertion,
        by=by,
        at=at,
        supersedes=supersedes,
        equipment_id=equipment_id,
        job_order_id=job_order_id,
        start_time=start_time,
        end_time=end_time,
        kind=kind,
        quantity=quantity,
        reason=_scrap_reason(equipment, kind, reason_code, end_time) if reason_code else None,
        comment=comment,
        together=together,
    )
    _windows_mark(said)
    _count_told(said, equipment, by, reason_code)
    return said


def _count_told(said: CountAssertion, equipment: Equipment, by: Actor, reason_code: str) -> None:
    after = {"kind": said.kind, "quantity": str(said.quantity), "end_time": said.end_time}
    _told(said, "count.enter", equipment, by, after | ({"reason": reason_code} if reason_code else {}))


def _place_check(equipment: Equipment, kind: str) -> None:
    if kind in RESULTS and equipment.level != "work_unit":
        raise Refused(f"equipment: read {equipment.code}, expected the machine the pieces came back to")


def _count_check(start: datetime, end: datetime, kind: str, quantity: Decimal) -> None:
    if end < start:
        raise Refused(f"end_time: read {end}, expected not before {start}")
    if kind not in CountAssertion.Kind.values:
        raise Refused(f"kind: read {kind!r}, expected one of {', '.join(CountAssertion.Kind.values)}")
    if not quantity.is_finite() or quantity < 0:
        raise Refused(f"quantity: read {quantity}, expected 0 or more")


def _scrap_reason(equipment: Equipment, kind: str, code: str, at: datetime) -> Reason:
    """A reason of scrap: of the machine, or of any machine of the line the count is about."""
    if kind == CountAssertion.Kind.GOOD:
        raise Refused(f"reason: read {code!r} for good pieces, expected none")
    places = [equipment] if equipment.level == "work_unit" else plant.line_work_units(equipment.pk)
    for place in places:
        for reason in plant.reasons_offered(place, at=at, explains="scrap"):
            if reason.code == code:
                return reason
    message = _("reason: read %(code)s, expected one offered on %(place)s")
    raise Refused(message % {"code": repr(code), "place": equipment.code})


def _windows_mark(said: CountAssertion) -> None:
    """Closed windows of the machine in which it, and what it takes the place of, end are added up again."""
    ends = CountAssertion.objects.filter(pk__in=[said.pk, *filter(None, [said.supersedes_id])])
    if said.equipment.level == "work_unit" and not said.equipment.counts_by_hand:
        # Who reads pieces of the machine looks at people's from now on.
        counted_by_hand(equipment_id=said.equipment_id)
    for end in set(ends.values_list("end_time", flat=True)):
        RollupMark.objects.create(equipment_id=said.equipment_id, from_time=end, to_time=end + INSTANT)


def _withdrawn_tell(said: ReasonAssertion, by: Actor) -> None:
    """Tell other floors of the reason this one takes the place of, unless that was itself a taking back."""
    earlier = ReasonAssertion.objects.select_related("reason").filter(superseded_by=said).first()
    if earlier is None or earlier.reason is None:
        return
    asks = ReasonAssertion.objects.filter(
        equipment_id=said.equipment_id,
        start_time=earlier.start_time,
        reason__opens_request=True,
        superseded_by=None,
    )
    hooks.reason_withdrawn.tell(
        hooks.ReasonWithdrawn(
            said.equipment_id,
            earlier.start_time,
            earlier.reason.code,
            earlier.reason.opens_request,
            asks.exists(),
            said.reason.code if said.reason else "",
            by,
            said.said_at,
        )
    )


def _reason_for(
    equipment: Equipment, code: str, start: datetime, seen_end: datetime | None, supersedes: int | None
) -> Reason | None:
    if code:
        reason = _reason(equipment, code, start)
        _seen_check(equipment, start, seen_end)
        return reason
    if supersedes is None:
        raise Refused(f"reason: read {code!r}, expected a code, or what to take back")
    return None


def _equipment(equipment_id: int) -> Equipment:
    found = plant.equipment_for_ids([equipment_id]).get(equipment_id)
    if found is None:
        raise Refused(f"equipment: read {equipment_id}, expected a known machine or line")
    return found


def _range_check(start: datetime, end: datetime | None) -> None:
    if end is not None and end <= start:
        raise Refused(f"end_time: read {end}, expected later than {start}")


def _reason(equipment: Equipment, code: str, at: datetime | None = None) -> Reason:
    """One offered on the machine at an instant, now by default: a stop is coded with codes of its time."""
    offered = {reason.code: reason for reason in plant.reasons_offered(equipment, at=at)}
    if code not in offered:
        message = _("reason: read %(code)s, expected one offered on %(place)s")
        raise Refused(message % {"code": repr(code), "place": equipment.code})
    return offered[code]


def _seen_check(equipment: Equipment, start: datetime, seen_end: datetime | None) -> None:
    """A late sample may have moved the stop since the author looked at it."""
    stop = stop_containing(equipment_id=equipment.pk, at=start)
    seen = f"a stop from {start:%Y-%m-%d %H:%M:%S} to {_end(seen_end)}"
    if stop is None:
        raise StaleView(f"stop of {equipment.code}", seen, "no stop at that time")
    if seen_end is not None and stop.end_time != seen_end:
        now = f"a stop from {stop.start_time:%Y-%m-%d %H:%M:%S} to {_end(stop.end_time)}"
        raise StaleView(f"stop of {equipment.code}", seen, now)


def _end(end: datetime | None) -> str:
    return "now" if end is None else f"{end:%Y-%m-%d %H:%M:%S}"


def _say(model: type[A], *, by: Actor, at: datetime | None, supersedes: int | None, **values: Any) -> A:
    if supersedes is not None:
        _supersede_check(model, supersedes, values["equipment_id"])
    try:
        with transaction.atomic():
            return model._default_manager.create(
                said_by_id=by.person_id,
                said_by_rule="" if by.person_id else by.label[:80],
                said_on_id=by.device_id,
                said_at=at or timezone.now(),
                supersedes_id=supersedes,
                **values,
            )
    except IntegrityError:
        # Said on another page in the same instant: whoever was first stands, and the other sees it.
        if supersedes is not None:
            _supersede_check(model, supersedes, values["equipment_id"])
        raise


def _supersede_check(model: Any, earlier_id: int, equipment_id: int) -> None:
    # Nobody may lock a row that is never updated; the unique key on ``supersedes`` decides a race.
    earlier = model._default_manager.filter(pk=earlier_id, equipment_id=equipment_id).first()
    if earlier is None:
        raise Refused(f"supersedes: read {earlier_id}, expected an entry of this machine")
    later = model._default_manager.filter(supersedes_id=earlier_id).first()
    if later is not None:
        raise StaleView(str(model._meta.verbose_name), f"entry {earlier_id}", f"entry {later.pk}")


def _told(said: Any, action: Action, equipment: Equipment, by: Actor, after: Mapping[str, Any]) -> None:
    audit.record(
        by=by,
        action=action,
        subject_type=str(said._meta.model_name),
        subject_code=f"{equipment.code} {said.pk}",
        why=str(getattr(said, "comment", "")),
        before={"supersedes": earlier} if (earlier := said.supersedes_id) else None,
        after={
            key: value.isoformat() if isinstance(value, datetime) else value for key, value in after.items()
        },
    )
    line = plant.line_of(equipment)
    if line is not None:
        revision_bump(line_id=line.pk)
