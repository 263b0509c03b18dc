"""Did an action help? Counts per hour run before and after it, with what chance alone would explain.

An action begins after a bad spell, so fewer afterwards proves little by itself: the interval says how much of
the difference counts of this sort make by themselves. Standard library only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import exp, log, sqrt
from typing import Literal

Z95 = 1.959964
FEWEST_WEEKS = 4
MOST_DISPERSION = 3.0
Verdict = Literal["helped", "not_shown", "worse", "too_early"]


@dataclass(frozen=True, slots=True)
class Spell:
    """How often and how long in [start, end), and the hours run in it by the machines it is about."""

    start: datetime
    end: datetime
    count: int
    stopped: timedelta
    hours: float

    @property
    def days(self) -> int:
        return round((self.end - self.start) / timedelta(days=1))

    @property
    def per_hundred_hours(self) -> float | None:
        return 100 * self.count / self.hours if self.hours > 0 else None


@dataclass(frozen=True, slots=True)
class Effect:
    """``ratio``: after to before per hour run, ``low`` to ``high`` with 95 %; None where nothing ran."""

    before: Spell
    after: Spell
    ratio: float | None
    low: float | None
    high: float | None

    @property
    def verdict(self) -> Verdict:
        if self.ratio is None or self.low is None or self.high is None:
            return "too_early"
        if self.high < 1:
            return "helped"
        return "worse" if self.low > 1 else "not_shown"


def effect_of(before: Spell, after: Spell, weeks: Sequence[tuple[int, float]]) -> Effect:
    """``weeks``: count and hours run of the weeks before, for how much such counts vary by themselves."""
    if before.hours <= 0 or after.hours <= 0:
        return Effect(before, after, None, None, None)
    centre = log((after.count + 0.5) / after.hours) - log((before.count + 0.5) / before.hours)
    spread = Z95 * sqrt(dispersion(weeks) * (1 / (after.count + 0.5) + 1 / (before.count + 0.5)))
    return Effect(before, after, exp(centre), exp(centre - spread), exp(centre + spread))


def dispersion(weeks: Sequence[tuple[int, float]]) -> float:
    """Pearson's chi-square per degree of freedom of counts over exposure: 1 as for pure chance, at most 3."""
    known = [(count, hours) for count, hours in weeks if hours > 0]
    total, hours = sum(count for count, _ in known), sum(hours for _, hours in known)
    if len(known) < FEWEST_WEEKS or total == 0:
        return 1.0
    rate = total / hours
    chi = sum((count - rate * ran) ** 2 / (rate * ran) for count, ran in known)
    return min(max(1.0, chi / (len(known) - 1)), MOST_DISPERSION)
