"""On plan or not: what should be there by now, and when the order finishes at the rate it ran so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from plant.domain.calendar import Slot
from production.domain.lateness import end_expected, pace_of
from production.domain.oee import seconds
from production.domain.stops import planned_time

PLANNED_TIMES, IDEAL_RATE = "planned_times", "ideal_rate"
ON_PLAN, BEHIND, AHEAD, REACHED, NOT_KNOWN = "on_plan", "behind", "ahead", "reached", "not_known"
TOLERANCE = timedelta(minutes=5)
HOUR = Decimal(3600)


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked of an order; ``rate`` is the ideal one of the machine that paces the line, per hour."""

    quantity: Decimal
    started_at: datetime | None
    planned_start: datetime | None
    planned_end: datetime | None
    rate: Decimal | None


@dataclass(frozen=True, slots=True)
class Plan:
    """``target``: what should be made by now. ``behind``: planned working time the output lags, or leads.

    ``rate``: good pieces per planned working hour since the order started, stops included. ``finish``: at
    that rate. ``basis`` names how the target was made. None is not known.
    """

    verdict: str
    target: Decimal | None
    gap: Decimal | None
    behind: timedelta | None
    rate: Decimal | None
    finish: datetime | None
    basis: str


def _target(asked: Asked, now: datetime, slots: Sequence[Slot] | None) -> tuple[Decimal | None, str]:
    if asked.planned_start and asked.planned_end and asked.planned_end > asked.planned_start:
        whole = planned_time(asked.planned_start, asked.planned_end, slots)
        passed = planned_time(asked.planned_start, min(now, asked.planned_end), slots)
        if whole > timedelta():
            return asked.quantity * seconds(passed) / seconds(whole), PLANNED_TIMES
    if asked.rate and asked.started_at:
        made = asked.rate * seconds(planned_time(asked.started_at, now, slots)) / HOUR
        return min(made, asked.quantity), IDEAL_RATE
    return None, ""


def _lag(asked: Asked, gap: Decimal, basis: str, slots: Sequence[Slot] | None) -> timedelta | None:
    """The gap as working time at the planned pace."""
    if basis == PLANNED_TIMES and asked.planned_start and asked.planned_end:
        whole = seconds(planned_time(asked.planned_start, asked.planned_end, slots))
        return timedelta(seconds=float(-gap * whole / asked.quantity))
    if asked.rate:
        return timedelta(seconds=float(-gap * HOUR / asked.rate))
    return None


def plan(*, asked: Asked, good: Decimal | None, now: datetime, slots: Sequence[Slot] | None) -> Plan:
    """Compare what is there with what should be."""
    target, basis = _target(asked, now, slots)
    gap = None if good is None or target is None else good - target
    behind = None if gap is None else _lag(asked, gap, basis, slots)
    rate = pace_of(good, asked.started_at, now, slots)
    finish = end_expected(asked.quantity, good, rate, now, slots)
    verdict = REACHED if good is not None and good >= asked.quantity else _verdict(behind)
    return Plan(verdict, target, gap, behind, rate, finish, basis)


def _verdict(behind: timedelta | None) -> str:
    if behind is None:
        return NOT_KNOWN
    if behind > TOLERANCE:
        return BEHIND
    return AHEAD if behind < -TOLERANCE else ON_PLAN
