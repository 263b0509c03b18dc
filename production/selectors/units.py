"""Machines as the fold sees them: their signals, limits and calendar."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from django.db.models import F, Max, OuterRef, Q, Subquery

from connectors import selectors as connectors
from plant import selectors as plant
from plant.domain.calendar import Slot
from production.domain.counters import believed_rate
from production.domain.definition import STANDARD_ONLY, Definitions
from production.domain.stitching import Signal, Unit
from production.domain.stops import Thresholds
from production.domain.units import PIECES, Conversion, counted_per_piece
from production.models import IdealRate, StitchCheckpoint, UnitConversion
from production.selectors import stations
from production.selectors.definitions import definitions_for, families

if TYPE_CHECKING:
    from connectors.models import SignalDefinition
    from plant.models import Equipment

STALE_AFTER = timedelta(seconds=60)
REGISTERED_STOP = timedelta(seconds=120)
# Without a limit of its own, a counter silent for this long means the machine stopped.
COUNTER_SILENCE = timedelta(seconds=30)
# Of signals that can only be right one at a time, the one defined first is read.
SINGLE = frozenset({"state", "mode", "fault_code", "order"})


@dataclass(frozen=True, slots=True)
class UnitSetup:
    """A machine, what the fold needs of it, and when its stops count."""

    equipment: Equipment
    line_id: int | None
    unit: Unit
    thresholds: Thresholds
    definitions: Definitions = STANDARD_ONLY
    # Pieces until its counter moves.
    per_count: Fraction = Fraction(1)
    # Whether its line has planned times at all.
    has_calendar: bool = True

    @property
    def id(self) -> int:
        return self.equipment.pk

    @property
    def is_manual(self) -> bool:
        """Whether people tell its state."""
        return self.equipment.is_manual

    def signals(self, *roles: str) -> list[int]:
        return [signal.id for signal in self.unit.signals if signal.role in roles]


def unit_setup(*, work_unit_id: int) -> UnitSetup:
    """Raises KeyError for an equipment that does not exist."""
    equipment = plant.equipment_for_ids([work_unit_id])[work_unit_id]
    line = plant.line_of(equipment)
    fastest = _fastest(equipment)
    thresholds = thresholds_of(equipment, cycle_at(fastest))
    found = connectors.signals_for(equipment_id=work_unit_id)
    signals = _signals(found, fastest)
    stale_after = STALE_AFTER
    if equipment.is_manual:
        # People tell its state, and nothing else does.
        told = tuple(signal for signal in signals if signal.role not in ("state", "mode"))
        signals, stale_after = (stations.SIGNAL, *told), stations.STALE_AFTER
    per_count = per_count_of(found)
    slowest = cycles_of(equipment, per_count).slowest
    silence, limit = silences(equipment, slowest)
    unit = Unit(
        code=equipment.code,
        signals=signals,
        stale_after=stale_after if equipment.stale_after is None else equipment.stale_after,
        counter_silence=silence,
        cycle=slowest,
        no_count=limit,
    )
    known = plant.remembered("time models", families) if equipment.equipment_class_id else {}
    definitions = definitions_for(equipment.equipment_class_id, known)
    line_id = line.pk if line else None
    planned = _has_calendar(line_id)
    return UnitSetup(equipment, line_id, unit, thresholds, definitions, per_count, planned)


@dataclass(frozen=True, slots=True)
class Cycles:
    """What a piece of each product takes at the ideal rate entered last; ``other``: of all others."""

    by_product: dict[int, timedelta]
    other: timedelta | None

    @property
    def slowest(self) -> timedelta:
        """No cycle of a product made slowly may look like a stop, where the product is not known."""
        known = [*self.by_product.values(), *([] if self.other is None else [self.other])]
        return max(known, default=timedelta())

    @property
    def differ(self) -> bool:
        return len({*self.by_product.values(), self.slowest if self.other is None else self.other}) > 1

    def of(self, product_id: int | None) -> timedelta:
        if product_id is None:
            return self.slowest
        held = self.by_product.get(product_id, self.other)
        return self.slowest if held is None else held


def per_count_of(signals: Iterable[SignalDefinition]) -> Fraction:
    """Pieces, at most, until a machine's counter moves: those of a case where it counts nothing smaller."""
    counters = [signal for signal in signals if signal.role in ("good_count", "total_count")]
    if not counters or not all(other_unit(signal.unit) for signal in counters):
        return Fraction(1)
    return max(Fraction(1), *(1 / least_per_piece(signal.unit) for signal in counters))


def cycles_of(equipment: Equipment, per_count: Fraction = Fraction(1)) -> Cycles:
    """``per_count``: pieces until its counter moves, which is what is waited for."""
    rates = IdealRate.objects.filter(equipment=equipment).order_by("valid_from", "pk")
    latest: dict[int | None, Decimal] = dict(rates.values_list("product_id", "units_per_hour"))
    other = latest.pop(None, None)
    scale = Decimal(per_count.numerator) / per_count.denominator
    return Cycles(
        {product: cycle_at(rate / scale) for product, rate in latest.items() if product is not None},
        None if other is None else cycle_at(other / scale),
    )


def _fastest(equipment: Equipment) -> Decimal | None:
    """The highest ideal rate a machine ever had."""
    found: Decimal | None = IdealRate.objects.filter(equipment=equipment).aggregate(Max("units_per_hour"))[
        "units_per_hour__max"
    ]
    return found


def silences(equipment: Equipment, cycle: timedelta) -> tuple[timedelta, timedelta | None]:
    """How long a counter may stand at a cycle: where nothing else tells the state, and where its state says
    execute, as far as the plant has said.
    """
    limit = no_count_limit(equipment, cycle)
    return max(equipment.minimum_stop or COUNTER_SILENCE, cycle) if limit is None else limit, limit


def no_count_limit(equipment: Equipment, cycle: timedelta) -> timedelta | None:
    """How long a machine's counter may stand while it should run; None where the plant has not said."""
    told = [equipment.no_count_after] if equipment.no_count_after is not None else []
    if equipment.no_count_cycles and cycle:
        told.append(equipment.no_count_cycles * cycle)
    return max(*told, cycle) if told else None


def thresholds_of(equipment: Equipment, cycle: timedelta = timedelta()) -> Thresholds:
    """A machine's limits; the defaults are its cycle time and 120 s."""
    return Thresholds(
        minimum=cycle if equipment.minimum_stop is None else equipment.minimum_stop,
        registered=REGISTERED_STOP if equipment.registered_stop is None else equipment.registered_stop,
    )


def thresholds_for(*, equipment: Sequence[Equipment]) -> dict[int, Thresholds]:
    """Limits of machines, by id, with the cycle time looked up where it is the default."""
    cycles = _cycles([machine.pk for machine in equipment if machine.minimum_stop is None])
    return {machine.pk: thresholds_of(machine, cycles.get(machine.pk, timedelta())) for machine in equipment}


def _cycles(equipment_ids: list[int]) -> dict[int, timedelta]:
    """The shortest reference cycle of each machine that has an ideal rate."""
    if not equipment_ids:
        return {}
    rates = IdealRate.objects.filter(equipment_id__in=equipment_ids).order_by()
    fastest = rates.values_list("equipment_id").annotate(rate=Max("units_per_hour"))
    return {machine: cycle_at(rate) for machine, rate in fastest}


def cycle_at(units_per_hour: Decimal | None) -> timedelta:
    """Time of one unit at a rate; none without a rate."""
    return timedelta() if units_per_hour is None else timedelta(seconds=float(Decimal(3600) / units_per_hour))


def signals_of(*, equipment_ids: Iterable[int], roles: Iterable[str]) -> list[SignalDefinition]:
    """Signals of several machines in one query, by machine and id; each with ``fastest``, the highest ideal
    rate of its machine, and ``by_hand``, whether people enter counts there.
    """
    found: Any = plant.configuration_rows(
        "connectors.SignalDefinition", equipment_id__in=list(equipment_ids), role__in=list(roles)
    )
    rates = IdealRate.objects.filter(equipment_id=OuterRef("equipment_id")).order_by()
    fastest = rates.values("equipment_id").annotate(fastest=Max("units_per_hour")).values("fastest")
    found = found.annotate(fastest=Subquery(fastest), by_hand=F("equipment__counts_by_hand"))
    return list(found.order_by("equipment_id", "pk"))


def per_second_of(signal: SignalDefinition, fastest: Decimal | None) -> Decimal | None:
    """The fastest believable rate of a counter."""
    if fastest is not None and other_unit(signal.unit):
        share = most_per_piece(signal.unit)
        fastest = fastest * share.numerator / share.denominator
    return believed_rate(signal.maximum_rate, fastest)


def _signals(found: list[SignalDefinition], fastest: Decimal | None) -> tuple[Signal, ...]:
    kept: list[Signal] = []
    taken: set[str] = set()
    for signal in sorted(found, key=lambda s: s.pk):
        if signal.role in SINGLE and signal.role in taken:
            continue
        taken.add(signal.role)
        modulus = signal.counter_modulus
        kept.append(
            Signal(
                signal.pk,
                signal.role,
                signal.address[-80:],
                connectors.state_map_of(signal) if signal.role == "state" else {},
                None if modulus is None else int(modulus),
                per_second_of(signal, fastest),
            )
        )
    return tuple(kept)


def planned_slots(*, line_id: int | None, start: datetime, end: datetime) -> list[Slot] | None:
    """The line's planned time that overlaps a window; None when the line has no calendar at all."""
    if line_id is None:
        return None
    found = [
        Slot(slot.start_time, slot.end_time, slot.kind, slot.code, slot.production_day)
        for slot in plant.calendar_slots(line_id=line_id, start=start, end=end)
    ]
    return found if found or _has_calendar(line_id) else None


def _has_calendar(line_id: int | None) -> bool:
    return plant.configuration_rows("plant.CalendarSlot", line_id=line_id).exists()


def ideal_rate(*, equipment_id: int, product_id: int | None, at: datetime) -> IdealRate | None:
    """The rate in force at an instant: the product's own, else the one for any product."""
    rates = IdealRate.objects.filter(equipment_id=equipment_id, valid_from__lte=at)
    if product_id is not None:
        rates = rates.filter(Q(product_id=product_id) | Q(product=None))
    else:
        rates = rates.filter(product=None)
    return rates.order_by("product_id", "-valid_from").first()


def ideal_rates(*, equipment_ids: Iterable[int]) -> list[IdealRate]:
    """Every rate of some machines, whenever in force."""
    return list(IdealRate.objects.filter(equipment_id__in=list(equipment_ids)))


def rate_in_force(
    rates: Iterable[IdealRate], *, equipment_id: int, product_id: int | None, at: datetime
) -> IdealRate | None:
    """``ideal_rate`` among rates read already."""
    known = [
        rate
        for rate in rates
        if rate.equipment_id == equipment_id
        and rate.valid_from <= at
        and rate.product_id in {product_id, None}
    ]
    return max(known, key=lambda rate: (rate.product_id is not None, rate.valid_from), default=None)


def units_behind() -> list[int]:
    """Machines whose connections vouch for more time than is stitched: their silence has grown."""
    behind: list[int] = []
    folded = StitchCheckpoint.objects.order_by("pk")
    for unit_id, horizon, is_manual in folded.values_list("pk", "horizon", "work_unit__is_manual"):
        reached = stations.horizon_for(equipment_id=unit_id, is_manual=is_manual)
        if reached is not None and reached > horizon:
            behind.append(unit_id)
    return behind


def conversions_known() -> list[Conversion]:
    """Every conversion the plant has declared."""
    return plant.remembered("unit conversions", _conversions)


def _conversions() -> list[Conversion]:
    rows = UnitConversion.objects.order_by("pk").values_list(
        "product_id", "equipment_id", "unit", "valid_from", "counted", "makes"
    )
    return [Conversion(*row) for row in rows]


def other_unit(unit: str) -> bool:
    return unit.strip().lower() not in PIECES


def most_per_piece(unit: str) -> Fraction:
    """The most of a counter's unit that a piece of any product is: how fast it may grow."""
    return counted_per_piece(conversions_known(), unit, most=True)


def least_per_piece(unit: str) -> Fraction:
    """The least: how many pieces it may take until the counter moves."""
    return counted_per_piece(conversions_known(), unit, most=False)
