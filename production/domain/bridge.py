"""From calendar time to useful time, loss by loss, so that it closes: the waterfall of a standard.

The steps of each standard are data (domain: one time model, many standards). Standstills are times of the
account; slow running is the running time that its pieces at the ideal rate do not fill, and quality is the
pieces that were not good, at the same rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from production.domain.oee import Output, seconds, trs
from production.domain.time_model import (
    BLOCKED,
    BREAK,
    BREAKDOWN,
    CLASSES,
    CLOSED,
    MEETING,
    MICRO_STOP,
    NO_LOAD,
    NO_MATERIAL,
    NO_OPERATOR,
    OWN_OTHER,
    PLANNED_MAINTENANCE,
    RUNNING,
    RUNNING_SLOW,
    SETUP,
    STARVED,
    SUSPENDED,
    TRIAL,
    UNKNOWN,
)

WINDOW, SLOW, SPEED, QUALITY = "window", "slow", "speed", "quality"
# What pieces and rates tell of running time, not states.
BY_PIECES = frozenset({SLOW, SPEED, QUALITY})
MICROSECOND = Decimal("0.000001")
NOTHING = Fraction(0)
RUN = (RUNNING, RUNNING_SLOW)
PLANNED = (NO_LOAD, BREAK, MEETING, PLANNED_MAINTENANCE, TRIAL)
OWN = (BREAKDOWN, SETUP, OWN_OTHER)
INDUCED = (STARVED, BLOCKED, SUSPENDED, NO_OPERATOR, NO_MATERIAL)

# Standard → its times from the whole window down, each with the losses taken off before it.
STEPS: Mapping[str, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "NF E60-182": (
        ("TT", (UNKNOWN,)),
        ("TO", (CLOSED,)),
        ("TR", PLANNED),
        ("TF", (*OWN, *INDUCED)),
        ("TN", (MICRO_STOP, SLOW, SPEED)),
        ("TU", (QUALITY,)),
    ),
    "ISO 22400-2": (
        ("known", (UNKNOWN,)),
        ("POT", (CLOSED,)),
        ("PBT", PLANNED),
        ("APT", (BREAKDOWN, OWN_OTHER, *INDUCED, MICRO_STOP, SETUP)),
        ("PRI·PQ", (SLOW, SPEED)),
        ("PRI·GQ", (QUALITY,)),
    ),
}


@dataclass(frozen=True, slots=True)
class Loss:
    """Time taken off, in seconds. Below zero for ``speed``: faster than the ideal rate. ``slow``: below the
    machine's limit for long.
    """

    kind: str
    seconds: Decimal


@dataclass(frozen=True, slots=True)
class Level:
    """A time of the standard, in seconds, and the losses between it and the level above."""

    name: str
    seconds: Decimal
    losses: tuple[Loss, ...]


@dataclass(frozen=True, slots=True)
class Bridge:
    """``window`` − every loss = the last level; it ends early where pieces or rates are unknown."""

    standard: str
    window: Decimal
    levels: tuple[Level, ...]
    is_whole: bool

    @property
    def difference(self) -> Decimal:
        """Seconds no loss explains: zero, or the bridge is wrong."""
        lost = sum((loss.seconds for level in self.levels for loss in level.losses), Decimal(0))
        return self.window - lost - self.levels[-1].seconds


def bridge(
    standard: str,
    durations: Mapping[str, timedelta],
    outputs: Sequence[Output],
    slow_lost: Fraction = NOTHING,
) -> Bridge:
    """The waterfall of an account and what was made in it. KeyError for a standard that is not known.

    ``slow_lost``: seconds of the running time lost where it was slow for long; the rest of what the pieces do
    not fill is ``speed``.
    """
    times = {name: seconds(durations.get(name, timedelta())) for name in CLASSES}
    window = at = sum(times.values(), Decimal(0))
    figures = trs(durations, outputs)
    is_whole = figures.tn is not None and figures.tu is not None
    if figures.tn is not None and figures.tu is not None:
        ran = times[RUNNING] + times[RUNNING_SLOW]
        # In whole microseconds, so that the two parts add up.
        times[SLOW] = (Decimal(slow_lost.numerator) / slow_lost.denominator).quantize(MICROSECOND)
        times[SPEED], times[QUALITY] = ran - figures.tn - times[SLOW], figures.tn - figures.tu
    levels = []
    for name, kinds in STEPS[standard]:
        if not is_whole and BY_PIECES & set(kinds):
            kinds = tuple(kind for kind in kinds if kind not in BY_PIECES)
            if not kinds:
                break
        losses = tuple(Loss(kind, times[kind]) for kind in kinds if times[kind])
        at -= sum((loss.seconds for loss in losses), Decimal(0))
        levels.append(Level(name, at, losses))
    return Bridge(standard, window, tuple(levels), is_whole)
