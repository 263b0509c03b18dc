"""Stops: a machine not running for one sort of reason, without a break. Classed by the whole, whatever the
window.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol, TypeVar
from uuid import UUID, uuid5

from plant.domain.calendar import Slot
from plant.domain.intervals import Interval, gaps
from production.domain.definition import STANDARD_ONLY
from production.domain.states import IDLE, OWN, STOP_CLASSES, SUSPENDED
from production.domain.stitching import StateRow

SPEED_LOSS, MICRO, REGISTERED = "speed_loss", "micro", "registered"
NAMESPACE = UUID("6f2b8f0e-3c0d-5f0a-9a4e-5d1f6f0b7a11")
# What a person is asked about: a machine that waits for its neighbour has its reason there.
ASKED = frozenset({OWN, IDLE, SUSPENDED})
# Micro-stops no further apart than this are told as one.
TOGETHER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Thresholds:
    """``minimum``: shorter halts are speed loss. ``registered``: from there on a stop needs a reason."""

    minimum: timedelta = timedelta()
    registered: timedelta = timedelta(seconds=120)


class StopRow(NamedTuple):
    start: datetime
    end: datetime | None
    base_class: str
    fault_code: str


def stop_id(equipment_code: str, start: datetime) -> UUID:
    """The same stop has the same id wherever and however often it is derived."""
    return uuid5(NAMESPACE, f"{equipment_code}|{start.isoformat()}")


def size_of(duration: timedelta, thresholds: Thresholds) -> str:
    if duration < thresholds.minimum:
        return SPEED_LOSS
    return MICRO if duration < thresholds.registered else REGISTERED


def stops_of(
    states: Iterable[StateRow],
    opened: StopRow | None = None,
    base_of: Callable[[StateRow], str] = STANDARD_ONLY.base_of,
) -> list[StopRow]:
    """Merge touching states of one sort into stops. ``opened`` is the stop going on where the states begin,
    ``base_of`` the sort of a state by the machine's time model.

    The last stop has no end if the last state has none.
    """
    found: list[StopRow] = []
    current = opened
    for row in states:
        base = base_of(row)
        if (
            current is not None
            and current.base_class == base
            and (current.end is None or current.end == row.start)
        ):
            current = current._replace(end=row.end, fault_code=current.fault_code or row.fault_code)
            continue
        if current is not None:
            found.append(current._replace(end=current.end or row.start))
        current = StopRow(row.start, row.end, base, row.fault_code) if base in STOP_CLASSES else None
    if current is not None:
        found.append(current)
    return found


class Sized(Protocol):
    """A stop as it is listed."""

    @property
    def start(self) -> datetime: ...

    @property
    def end(self) -> datetime | None: ...

    @property
    def base_class(self) -> str: ...

    @property
    def fault_code(self) -> str: ...

    @property
    def size(self) -> str: ...


S = TypeVar("S", bound=Sized)


def micro_groups(stops: Iterable[S], within: timedelta = TOGETHER) -> list[list[S]]:
    """Stops in order, micro-stops of one sort and fault that follow each other ``within`` as one group; every
    other stop is a group of its own and parts those before it from those after.
    """
    groups: list[list[S]] = []
    for stop in stops:
        last = groups[-1][-1] if groups else None
        if last is not None and stop.size == last.size == MICRO and _alike(last, stop, within):
            groups[-1].append(stop)
        else:
            groups.append([stop])
    return groups


def _alike(before: Sized, after: Sized, within: timedelta) -> bool:
    same = (before.base_class, before.fault_code) == (after.base_class, after.fault_code)
    return same and before.end is not None and after.start - before.end <= within


def needs_reason(stop: StopRow, horizon: datetime, thresholds: Thresholds, slots: list[Slot] | None) -> bool:
    """Whether a person is asked why: long, the machine's own, and as long inside planned working time.

    A stop that begins seconds before its shift ends, or inside a pause, cost the plan no time worth asking
    about. ``slots`` None: the line has no calendar, so all time is working time.
    """
    end = stop.end or horizon
    if stop.base_class not in ASKED or end <= stop.start:
        return False
    if size_of(end - stop.start, thresholds) != REGISTERED:
        return False
    if slots is None:
        return True
    inside = working_time(Interval(stop.start, end), slots)
    planned = sum((part.duration or timedelta() for part in inside), timedelta())
    return bool(inside) and planned >= thresholds.registered


def working_time(window: Interval, slots: list[Slot]) -> list[Interval]:
    """The parts of the window inside a shift and outside every pause."""
    near = [
        slot for slot in slots if slot.end > window.start and (window.end is None or slot.start < window.end)
    ]
    closed = gaps(window, [slot for slot in near if slot.kind == "shift"])
    return gaps(window, [*closed, *(slot for slot in near if slot.kind != "shift")])


def planned_time(start: datetime, end: datetime, slots: Sequence[Slot] | None) -> timedelta:
    """Planned working time between two instants; all of it where the line has no calendar."""
    if end <= start:
        return timedelta()
    if slots is None:
        return end - start
    parts = working_time(Interval(start, end), list(slots))
    return sum((part.end - part.start for part in parts if part.end), timedelta())
