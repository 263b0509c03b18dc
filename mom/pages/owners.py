"""Who has taken something on at a line, whoever has its dearest loss first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from mom.pages.board import LossView, href
from mom.pages.reading import LineReading
from mom.pages.words import day_month

SHOWN = 3  # of each kind, so that none crowds out the others


@dataclass(frozen=True, slots=True)
class Owner:
    """Who last took something on: gave a reason, raised or took a request, owns an action.

    ``has_top``: it is the line's dearest loss they took on, not another one.
    """

    who: str
    what: str
    kind: str
    at: datetime
    href: str
    has_top: bool


def owners(reading: LineReading, top: LossView | None) -> list[Owner]:
    """Whoever has the dearest loss first, then the newest: requests taken, reasons said, open actions."""
    place = top.machine_code or (reading.constraint.code if reading.constraint else "") if top else ""
    of_a_kind = (
        _request_owners(reading, top, place),
        _reason_owners(reading, top, place),
        _action_owners(reading, top, place),
    )
    return _first([owner for found in of_a_kind for owner in _first(found)[:SHOWN]])


def _first(found: list[Owner]) -> list[Owner]:
    return sorted(found, key=lambda owner: (owner.has_top, owner.at), reverse=True)


def _about(machine: str, what: str) -> str:
    return _("%(machine)s: %(what)s") % {"machine": machine, "what": what}


def _reason_owners(reading: LineReading, top: LossView | None, place: str) -> list[Owner]:
    return [
        Owner(
            told.who,
            _about(told.stop.work_unit.name, told.reason),
            _("said why"),
            told.at,
            href("/stops/", stop=str(told.stop.pk)),
            top is not None and told.stop.work_unit.code == place and told.reason == top.what,
        )
        for told in reading.said
    ]


def _request_owners(reading: LineReading, top: LossView | None, place: str) -> list[Owner]:
    """A request nobody took yet has nobody; one is about what its machine stops for by itself."""
    found = []
    for call in reading.requests:
        who, kind, at = call.taken_by, _("has taken the request"), call.taken_at
        taken = at is not None
        if at is None:
            who = _("Maintenance, not taken yet")
            kind, at = _("request raised by %(who)s") % {"who": call.said_by}, call.said_at
        what = _about(call.equipment.name, call.code)
        has_top = taken and top is not None and top.icon == "stop" and call.equipment.code == place
        found.append(Owner(who, what, kind, at, href("/stops/", equipment=call.equipment.code), has_top))
    return found


def _action_owners(reading: LineReading, top: LossView | None, place: str) -> list[Owner]:
    """An action about the same reason, on the machine or the whole line; without a reason, on the machine."""
    here = (place, reading.line.code) if top and top.reason_code else (place,)
    return [
        Owner(
            task.owner,
            task.title,
            _("action, due %(date)s") % {"date": day_month(task.due_on)},
            task.opened_at,
            href("/actions/", equipment=task.equipment.code),
            top is not None and task.equipment.code in here and task.reason_code == top.reason_code,
        )
        for task in reading.actions
    ]
