"""One order among the finished ones of the same product on the same line: the best, the median, and itself.

They are put in order by their effective rate: good pieces per hour of planned working time on the line,
stops, slow running and changeover inside it included. Nothing is estimated: no count, no rate.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from plant.domain.quantities import ratio
from production.domain.oee import seconds

# Fewer finished orders than this are examples, and neither a best nor a median.
FEWEST = 3
# In less time than this a rate says nothing.
SHORTEST = timedelta(minutes=10)
HOUR = Decimal(3600)
LAST = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Run:
    """An order as it was made. ``worked``: planned working time on the line.

    ``good`` None: nobody counted. ``working``: when it was worked on, None as an end while it still is.
    """

    code: str
    start: datetime | None
    end: datetime | None
    worked: timedelta
    good: Decimal | None
    working: tuple[tuple[datetime, datetime | None], ...] = ()

    @property
    def rate(self) -> Decimal | None:
        """Good pieces per planned working hour; None where nobody counted or it was too short to tell."""
        if self.good is None or self.worked < SHORTEST:
            return None
        per_second = ratio(self.good, seconds(self.worked))
        return None if per_second is None else per_second * HOUR


@dataclass(frozen=True, slots=True)
class Standing:
    """``ranked``: finished orders that have a rate, the fastest first. ``left_out``: those that have none.

    ``best`` and ``median`` are orders one can open, None with fewer than ``FEWEST`` of them. With an even
    number the median is the slower of the two in the middle. ``place`` of this order counts from 1, None
    while it is not finished or has no rate.
    """

    this: Run
    ranked: tuple[Run, ...]
    left_out: int

    @property
    def is_enough(self) -> bool:
        return len(self.ranked) >= FEWEST

    @property
    def best(self) -> Run | None:
        return self.ranked[0] if self.is_enough else None

    @property
    def median(self) -> Run | None:
        return self.ranked[len(self.ranked) // 2] if self.is_enough else None

    @property
    def place(self) -> int | None:
        found = (number for number, run in enumerate(self.ranked, 1) if run.code == self.this.code)
        return next(found, None)


def standing(this: Run, finished: Iterable[Run]) -> Standing:
    """Where an order stands among the finished ones, itself included once it is one of them."""
    runs: Sequence[Run] = list(finished)
    rated = [run for run in runs if run.rate is not None]
    # Of two as fast as each other the earlier one stands first, so that the answer never flickers.
    rated.sort(key=lambda run: (-(run.rate or 0), run.end or LAST, run.code))
    return Standing(this, tuple(rated), len(runs) - len(rated))
