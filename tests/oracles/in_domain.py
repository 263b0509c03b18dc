"""The same samples folded and told by the pure domain, without a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from plant.domain.calendar import Slot
from plant.domain.intervals import Interval
from production.domain.account import Account, Known, OrderUse, account
from production.domain.oee import Output
from production.domain.stitching import COUNTERS, Fold, Open, Sample, Signal, StateRow, Unit
from production.domain.stops import StopRow, Thresholds, stops_of
from tests.oracles.rest_plant import ROLES, Told

LIMITS = Thresholds(timedelta(), timedelta(seconds=120))


@dataclass(frozen=True, slots=True)
class Folded:
    """What one machine did; ``pieces`` by kind of counter."""

    states: list[StateRow]
    stops: list[StopRow]
    pieces: dict[str, Decimal]
    horizon: datetime

    def account(
        self,
        window: Interval,
        slots: Sequence[Slot] | None,
        orders: Sequence[OrderUse],
        limits: Thresholds = LIMITS,
    ) -> Account:
        found = account(window, Known(self.states, self.stops, slots, orders, [], limits, self.horizon))
        assert found.unexplained == timedelta()
        return found

    def output(self, per_hour: Decimal | int) -> Output:
        good, scrap = (self.pieces.get(kind, Decimal(0)) for kind in ("good", "scrap"))
        return Output("P", good, good + scrap, Decimal(3600) / Decimal(per_hour))


def folded(told: Sequence[Told], horizon: datetime, roles: Sequence[str] = ROLES) -> Folded:
    """Samples in the order of time, up to a horizon."""
    signals = {role: Signal(number, role) for number, role in enumerate(roles)}
    samples: list[Sample] = [(at, signals[role].id, value, False) for at, role, value in told]
    fold = Fold(Unit("M", tuple(signals.values())), Open(at=samples[0][0]))
    fold.feed(samples)
    fold.close(horizon)
    states = [*fold.states, *([fold.row] if fold.row else [])]
    pieces: dict[str, Decimal] = {}
    kinds = {signal.id: COUNTERS[role] for role, signal in signals.items() if role in COUNTERS}
    for row in fold.counted:
        kind = kinds[row.signal]
        pieces[kind] = pieces.get(kind, Decimal(0)) + Decimal(row.quantity)
    return Folded(states, stops_of(states), pieces, horizon)
