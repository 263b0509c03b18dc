"""Reasons cut anywhere on the time axis, joined again and reverted: by new entries, never by changes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from django.db import IntegrityError, connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from plant import hooks
from plant.access import Actor
from production.domain.parts import Part, Step, merge, split, undo
from production.models import ReasonAssertion
from production.selectors.stopped import in_force, stop_containing
from production.selectors.stopped import reason_history as history_of
from production.services.assertions import Refused, _equipment, _reason, _say, _seen_check, _told
from production.services.plans import StaleView

if TYPE_CHECKING:
    from plant.models import Equipment, Reason

LOCK = 53
Entries = Sequence[ReasonAssertion]


@transaction.atomic
def reason_split(
    *,
    equipment_id: int,
    start_time: datetime,
    at: datetime,
    by: Actor,
    first_code: str = "",
    second_code: str = "",
    seen_end: datetime | None = None,
    seen: int | None = None,
    comment: str = "",
) -> list[ReasonAssertion]:
    """Cut what was said from ``start_time`` on, or a stop nobody has explained, in two at ``at``.

    ``seen`` is the entry the author saw there, None if there was none; ``seen_end`` the end of the stop. A
    part without a code keeps the one of the whole. Raises StaleView with both views when something else was
    said meanwhile or the stop has moved; Unfit when ``at`` lies outside; Refused for a reason not offered.
    """
    equipment = _locked(equipment_id, by)
    _seen_check(equipment, start_time, seen_end)
    if at > timezone.now():
        raise Refused(f"at: read {at.isoformat()}, expected a time that has come")
    whole = _whole(equipment, start_time, seen)
    steps = split(whole, at, first_code, second_code)
    return _write("split", equipment, steps, by, comment=comment)


@transaction.atomic
def reason_merge(
    *, left: int, right: int, by: Actor, reason_code: str = "", comment: str = ""
) -> list[ReasonAssertion]:
    """Join two entries that meet into one; its reason is that of the left one unless one is given.

    Raises StaleView when one of them no longer holds, Unfit when they do not meet.
    """
    equipment, (first, second) = _seen_entries([left, right], by)
    steps = merge(_part(first), _part(second), reason_code)
    return _write("merge", equipment, steps, by, comment=comment)


@transaction.atomic
def reason_undo(*, entry: int, by: Actor, comment: str = "") -> list[ReasonAssertion]:
    """Take back the split, merge or single entry that ``entry`` was said in: what stood before holds again.

    Raises StaleView when a part of it has been corrected since.
    """
    equipment, [one] = _seen_entries([entry], by)
    act = [one]
    if one.together is not None:
        act = list(ReasonAssertion.objects.filter(together=one.together).order_by("pk"))
        _in_force_check(equipment, act)
    earlier = ReasonAssertion.objects.filter(superseded_by__in=act, reason__isnull=False).order_by("pk")
    steps = undo([_part(item) for item in act], [_part(item) for item in earlier])
    return _write("undo", equipment, steps, by, comment=comment)


def _locked(equipment_id: int, by: Actor) -> Equipment:
    """Two people who cut the same stop at once: the second waits, and then sees what the first did."""
    equipment = _equipment(equipment_id)
    by.require("stop.code", equipment)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, equipment_id])
    return equipment


def _seen_entries(ids: Sequence[int], by: Actor) -> tuple[Equipment, list[ReasonAssertion]]:
    """The entries the author saw, of one machine, in the order asked for; StaleView unless all still hold."""
    found = ReasonAssertion.objects.select_related("reason", "said_by").in_bulk(list(ids))
    places = {said.equipment_id for said in found.values()}
    if len(found) < len(set(ids)) or len(places) != 1:
        raise Refused(f"entry: read {', '.join(map(str, ids))}, expected entries of one machine")
    equipment = _locked(places.pop(), by)
    entries = [found[pk] for pk in ids]
    _in_force_check(equipment, entries)
    return equipment, entries


def _in_force_check(equipment: Equipment, entries: Entries) -> None:
    later = ReasonAssertion.objects.filter(supersedes__in=entries).select_related("reason", "said_by")
    if now := list(later.order_by("pk")):
        raise StaleView(f"reason on {equipment.code}", _told_all(entries), _told_all(now))


def _whole(equipment: Equipment, start: datetime, seen: int | None) -> Part:
    """What is to be cut: the entry the author saw, or the stop itself where nothing was said."""
    if seen is not None:
        said = ReasonAssertion.objects.filter(pk=seen, equipment_id=equipment.pk).first()
        if said is None or said.start_time != start:
            raise Refused(f"seen: read {seen}, expected an entry of {equipment.code} from {start}")
        _in_force_check(equipment, [said])
        return _part(said)
    stop = stop_containing(equipment_id=equipment.pk, at=start)
    assert stop is not None
    holds = in_force([equipment.pk]).filter(
        pk__in=history_of(
            equipment_id=equipment.pk, start=stop.start_time, end=stop.end_time or timezone.now()
        ).values("pk")
    )
    if now := list(holds.select_related("reason", "said_by")):
        raise StaleView(f"reason on {equipment.code}", _("nothing was said"), _told_all(now))
    return Part(stop.start_time, stop.end_time, "")


def _part(said: ReasonAssertion) -> Part:
    return Part(said.start_time, said.end_time, said.reason.code if said.reason else "", said.pk)


def _told_all(entries: Entries) -> str:
    return ", ".join(_told_one(said) for said in entries)


def _told_one(said: ReasonAssertion) -> str:
    end = _("now") if said.end_time is None else f"{said.end_time:%H:%M:%S}"
    what = said.reason.name if said.reason else _("taken back")
    return f"“{what}” {said.start_time:%H:%M:%S}-{end} UTC, {said.said_by or said.said_by_rule}"


def _write(
    act: str, equipment: Equipment, steps: Sequence[Step], by: Actor, *, comment: str
) -> list[ReasonAssertion]:
    """The entries of one act, all or none; those that carry a reason first in time."""
    together, now = uuid4(), timezone.now()
    taken = [step.supersedes for step in steps if step.supersedes is not None]
    before = list(ReasonAssertion.objects.filter(pk__in=taken).select_related("reason"))
    entries = []
    try:
        with transaction.atomic():
            for step in steps:
                part = step.part
                entries.append(
                    _say(
                        ReasonAssertion,
                        by=by,
                        at=now,
                        supersedes=step.supersedes,
                        equipment_id=equipment.pk,
                        start_time=part.start,
                        end_time=part.end,
                        reason=_code_of(equipment, part, before),
                        comment=comment,
                        together=together,
                    )
                )
    except IntegrityError:
        # Said on another page in the same instant; the unique key on ``supersedes`` decided.
        raise StaleView(f"reason on {equipment.code}", _told_all(before), _("another entry")) from None
    _changes_tell(equipment, before, entries, by)
    for said in entries:
        after = {"act": act, "reason": said.reason.code if said.reason else ""}
        span = {"start_time": said.start_time, "end_time": said.end_time}
        _told(said, "stop.reason", equipment, by, after | span)
    return entries


def _code_of(equipment: Equipment, part: Part, before: Entries) -> Reason | None:
    """The reason of a part: one that was there may stay though it is no longer offered."""
    if not part.reason_code:
        return None
    kept = {said.reason.code: said.reason for said in before if said.reason}
    return kept.get(part.reason_code) or _reason(equipment, part.reason_code, part.start)


def _changes_tell(equipment: Equipment, before: Entries, after: Entries, by: Actor) -> None:
    """Tell other floors, under the start of the stop, of reasons that are new there and of those gone."""
    start = min(said.start_time for said in after)
    stop = stop_containing(equipment_id=equipment.pk, at=start)
    start = stop.start_time if stop else start
    was = {said.reason.code: said.reason for said in before if said.reason}
    now = {said.reason.code: said.reason for said in after if said.reason}
    at = after[0].said_at
    asked = any(reason.opens_request for reason in now.values())
    for code in was.keys() - now.keys():
        instead = next(iter(now), "")
        hooks.reason_withdrawn.tell(
            hooks.ReasonWithdrawn(equipment.pk, start, code, was[code].opens_request, asked, instead, by, at)
        )
    for code in now.keys() - was.keys():
        reason = now[code]
        hooks.reason_said.tell(
            hooks.ReasonSaid(equipment.pk, start, code, reason.opens_request, after[0].comment, by, at)
        )
