"""Stops inside the order, with the reason in force, who said it and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from mom.pages.words import class_word
from mom.record.model import StopGroup, StopRow
from mom.record.timing import FOLDED, Machine, exact_seconds, micro, stop_anchor
from production.domain.stops import REGISTERED
from production.selectors.alarms import texts_among

if TYPE_CHECKING:
    from production.models import ReasonAssertion
    from production.selectors import JobResponse, StopPart


@dataclass(frozen=True, slots=True)
class Stopped:
    """A stop's row, its class of time, and its anchor on the page."""

    row: StopRow
    time_class: str
    anchor: str
    uncoded: bool


def stopped(response: JobResponse) -> list[Stopped]:
    """Stops long enough to be listed, the constraint's first, then by time."""
    texts = texts_among([part.stop for part in response.stops], response.alarms)
    listed = [
        _stopped(part, texts.get(part.stop.pk, ""))
        for part in response.stops
        if part.parts and part.parts[0].stop_size == REGISTERED
    ]
    return sorted(listed, key=lambda item: (not item.row.is_constraint, item.row.start))


def _time_class(part: StopPart) -> str:
    """The class most of the stop is of."""
    by_class: dict[str, timedelta] = {}
    for segment in part.parts:
        by_class[segment.time_class] = by_class.get(segment.time_class, timedelta()) + segment.duration
    return max(by_class, key=lambda name: (by_class[name], name))


def _stopped(part: StopPart, fault_text: str) -> Stopped:
    stop, unit = part.stop, part.equipment
    said = part.reasons[-1] if part.reasons else None
    row = StopRow(
        id=str(stop.pk),
        equipment_code=unit.code,
        equipment=unit.name,
        start=stop.start_time,
        end=stop.end_time,
        seconds=round(exact_seconds(part.duration)),
        base_class=stop.base_class,
        size=stop.size,
        needs_reason=part.uncoded,
        fault_code=stop.fault_code,
        reason=" + ".join(dict.fromkeys(each.reason.name for each in part.reasons if each.reason)),
        reason_code=said.reason.code if said and said.reason else "",
        said_by=_who(said),
        said_at=said.said_at if said else None,
        comment=said.comment if said else "",
        is_constraint=unit.is_constraint,
        evidence=f"/stops/?stop={stop.pk}",
        fault_text=fault_text,
    )
    return Stopped(row, _time_class(part), stop_anchor(unit.code, part.parts[0]), part.uncoded)


def _who(said: ReasonAssertion | None) -> str:
    if said is None:
        return ""
    return str(said.said_by) if said.said_by else said.said_by_rule


@dataclass(frozen=True, slots=True)
class Folded:
    """Stops of one class of a machine off the constraint, summed."""

    code: str
    equipment: str
    count: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Section:
    """The stops of one class of time: the ones that matter one by one, the others by machine."""

    time_class: str
    word: str
    rows: tuple[Stopped, ...]
    folded: tuple[Folded, ...]


def sections(found: Sequence[Stopped]) -> list[Section]:
    """Stops by class, the class with the longest time on the constraint first."""
    grouped: dict[str, list[Stopped]] = {}
    for item in found:
        grouped.setdefault(item.time_class, []).append(item)

    def weight(name: str) -> tuple[int, int, str]:
        rows = grouped[name]
        own = sum(item.row.seconds for item in rows if item.row.is_constraint)
        return (-own, -max(item.row.seconds for item in rows), name)

    return [_section(name, grouped[name]) for name in sorted(grouped, key=weight)]


def _section(name: str, items: Sequence[Stopped]) -> Section:
    listed = tuple(item for item in items if item.row.is_constraint or name not in FOLDED)
    others: dict[str, list[StopRow]] = {}
    for item in items:
        if item not in listed:
            others.setdefault(item.row.equipment_code, []).append(item.row)
    folded = tuple(
        Folded(code, rows[0].equipment, len(rows), sum(row.seconds for row in rows))
        for code, rows in others.items()
    )
    return Section(name, class_word(name), listed, folded)


@dataclass(frozen=True, slots=True)
class MicroGroup:
    """All micro-stops of one machine in the order."""

    code: str
    equipment: str
    group: StopGroup


def micro_groups(machines: Sequence[Machine]) -> list[MicroGroup]:
    return [
        MicroGroup(machine.equipment.code, machine.equipment.name, group)
        for machine in machines
        if (group := micro(machine.account, machine.equipment.code)) is not None
    ]
