"""Products and shifts of a line side by side: sums of what one order was in one shift, and their ratios.

A figure of a group is the ratio of its sums, never a mean of ratios. Lost time and what speed and rejects
cost add up to required time less useful time. Nothing here knows a person.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from plant.domain.quantities import ratio
from production.domain.oee import Oee, Output, Trs, oee, seconds, trs
from production.domain.time_model import RUNNING, STANDARDS

REQUIRED = STANDARDS["NF E60-182"]["TR"]
LOST = REQUIRED - {RUNNING}
# Of fewer orders or shifts than this a figure is an example.
FEWEST = 3
NONE = timedelta()
HOUR = Decimal(3600)


class Cause(NamedTuple):
    """What lost time is told by: its class and reason; what waits for a reason is one cause."""

    time_class: str
    reason_code: str
    uncoded: bool


@dataclass(frozen=True, slots=True)
class Lap:
    """One order's part of one shift on what paces the line; ``order_code`` empty: time between orders.

    ``scrap``: rejected by what paces the line. Pieces are None where nothing counts them.
    """

    day: date
    shift_code: str
    shift_start: datetime
    order_code: str
    product_code: str
    times: Mapping[Cause, timedelta]
    output: Output
    scrap: Decimal | None

    @property
    def lost(self) -> dict[Cause, timedelta]:
        return {cause: time for cause, time in self.times.items() if cause.time_class in LOST}


@dataclass(frozen=True, slots=True)
class Sums:
    """What some laps come to. ``lost`` by cause, the most first."""

    orders: tuple[str, ...]
    shifts: tuple[tuple[date, str], ...]
    required: timedelta
    good: Decimal | None
    scrap: Decimal | None
    lost: dict[Cause, timedelta]
    trs: Trs
    oee: Oee

    @property
    def scrap_share(self) -> Decimal | None:
        """Rejected pieces of those the pacing machine made."""
        return None if self.scrap is None or self.oee.total is None else ratio(self.scrap, self.oee.total)

    @property
    def rate(self) -> Decimal | None:
        """Pieces per hour of run time."""
        made = self.oee.total
        per_second = None if made is None else ratio(made, self.trs.tf)
        return None if per_second is None else per_second * HOUR

    @property
    def against_ideal(self) -> Decimal | None:
        """That rate over the ideal one of what was made."""
        return self.trs.tp

    @property
    def speed_and_rejects(self) -> timedelta | None:
        """Run time that made nothing good at the ideal rate: required less lost less useful time.

        Less than zero where the line ran faster than its ideal rate; None where that is not known.
        """
        if self.trs.tu is None:
            return None
        useful = timedelta(microseconds=round(self.trs.tu * 1_000_000))
        return self.required - sum(self.lost.values(), NONE) - useful


def summed(laps: Iterable[Lap]) -> Sums:
    """Laps added up; pieces made outside every order at no known rate are beside the figures."""
    rows: Sequence[Lap] = list(laps)
    times: dict[str, timedelta] = {}
    lost: dict[Cause, timedelta] = {}
    for lap in rows:
        for cause, time in lap.times.items():
            times[cause.time_class] = times.get(cause.time_class, NONE) + time
        for cause, time in lap.lost.items():
            lost[cause] = lost.get(cause, NONE) + time
    of_orders = any(lap.order_code for lap in rows)
    judged = [lap for lap in rows if lap.order_code or lap.output.cycle is not None or not of_orders]
    outputs = [lap.output for lap in judged]
    effect = oee(times, outputs)
    return Sums(
        orders=tuple(dict.fromkeys(lap.order_code for lap in rows if lap.order_code)),
        shifts=tuple(dict.fromkeys((lap.day, lap.shift_code) for lap in rows)),
        required=sum((time for name, time in times.items() if name in REQUIRED), NONE),
        good=effect.good,
        scrap=_sum([lap.scrap for lap in judged]),
        lost=dict(sorted(lost.items(), key=lambda item: (-item[1], item[0]))),
        trs=trs(times, outputs),
        oee=effect,
    )


def _sum(values: Sequence[Decimal | None]) -> Decimal | None:
    known = [value for value in values if value is not None]
    return sum(known, Decimal(0)) if values and len(known) == len(values) else None


def share_of(part: timedelta, whole: timedelta) -> Decimal | None:
    return ratio(seconds(part), seconds(whole))
