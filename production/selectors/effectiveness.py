"""Effectiveness of a machine, a line or a whole site in a window, without the events it is made of.

From closed windows where they make up the whole of it, else from the account itself; both give the same
figures, digit by digit. A site's or an area's are ratios of sums over its lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from plant import selectors as plant
from production.domain.iso22400 import Figures, figures_of
from production.domain.oee import Oee, Output, Trs, oee, trs
from production.domain.time_model import CLASSES
from production.models import IdealRate
from production.selectors.hand_counts import beside_windows
from production.selectors.kpi import _judged, _pacing, _scrap, kpi
from production.selectors.pacing import COUNTERS, Pacing, line_pacing
from production.selectors.rollups import Counted, Rolled, Target, rolled_up
from production.selectors.units import ideal_rates, rate_in_force, signals_of

if TYPE_CHECKING:
    from connectors.models import SignalDefinition
    from plant.models import Equipment

ZERO, NONE = Decimal(0), timedelta()
MICROSECOND = timedelta(microseconds=1)


class Part(NamedTuple):
    """What one line, or a machine alone, brings to the figures."""

    times: dict[str, timedelta]
    executed: timedelta
    failures: int
    outputs: list[Output]
    scrap: Decimal | None
    rework: Decimal | None = None
    after_rework: Decimal | None = None


class _Setup(NamedTuple):
    """Master data of what is asked about. ``units``: of lines; ``counters`` of their machines; ``rates``: of
    every machine, by its id.
    """

    equipment: Equipment
    places: list[Equipment]
    units: dict[int, list[Equipment]]
    counters: list[SignalDefinition]
    rates: dict[int, list[IdealRate]]


@dataclass(frozen=True, slots=True)
class Effectiveness:
    """``lines``: those it is about, by code (the machine's own code alone); ``left_out``: those nothing paces
    or that have no data. ``closed``: read from closed windows, all of it.
    """

    equipment: Equipment
    start: datetime
    end: datetime
    lines: tuple[str, ...]
    left_out: tuple[str, ...]
    closed: bool
    durations: dict[str, timedelta]
    trs: Trs
    oee: Oee
    figures: Figures


def effectiveness(
    *, equipment_id: int, start: datetime, end: datetime, closed: bool = True
) -> Effectiveness | None:
    """None without any data. ``closed`` False: from the account, whatever is added up already."""
    setup = _known_setup(equipment_id)
    equipment, places = setup.equipment, setup.places
    read = _closed(setup, start, end) if closed else {}
    parts: dict[str, Part] = {}
    for place in places:
        part = read.get(place.pk) or _told(place, start, end)
        if part is not None:
            parts[place.code] = part
    if not parts:
        return None
    times = _times(parts.values())
    outputs = [output for part in parts.values() for output in part.outputs]
    scraps = [part.scrap for part in parts.values()]
    effect = oee(times, outputs)
    return Effectiveness(
        equipment=equipment,
        start=start,
        end=end,
        lines=tuple(parts),
        left_out=tuple(place.code for place in places if place.code not in parts),
        closed=all(place.pk in read for place in places),
        durations=times,
        trs=trs(times, outputs),
        oee=effect,
        figures=figures_of(
            effect,
            times,
            executed=sum((part.executed for part in parts.values()), NONE),
            failures=sum(part.failures for part in parts.values()),
            scrap=None if None in scraps else sum((one for one in scraps if one is not None), ZERO),
            rework=_known(part.rework for part in parts.values()),
            after_rework=_known(part.after_rework for part in parts.values()),
        ),
    )


def _times(parts: Iterable[Part]) -> dict[str, timedelta]:
    """Time by class of all parts, in the model's order; classes without time left out."""
    told = list(parts)
    sums = {name: sum((part.times.get(name, NONE) for part in told), NONE) for name in CLASSES}
    return {name: time for name, time in sums.items() if time}


def _known(amounts: Iterable[Decimal | None]) -> Decimal | None:
    """Of those that tell; None where none does."""
    known = [amount for amount in amounts if amount is not None]
    return sum(known, ZERO) if known else None


def _known_setup(equipment_id: int) -> _Setup:
    return plant.configuration_kept(
        ("effectiveness", equipment_id),
        revision=plant.configuration_revision(),
        make=lambda: _setup(equipment_id),
    )


def _setup(equipment_id: int) -> _Setup:
    equipment = plant.equipment_for_ids([equipment_id])[equipment_id]
    places = _places(equipment)
    lines = [place.pk for place in places if place.level == "line"]
    rows: Any = plant.configuration_rows("plant.Equipment", level="work_unit", parent_id__in=lines)
    units: dict[int, list[Equipment]] = {line: [] for line in lines}
    for unit in rows.order_by("position", "code") if lines else ():
        units[unit.parent_id].append(unit)
    ids = [unit.pk for some in units.values() for unit in some]
    counters = signals_of(equipment_ids=ids, roles=COUNTERS) if ids else []
    rates: dict[int, list[IdealRate]] = {}
    for rate in ideal_rates(equipment_ids=[*ids, *(place.pk for place in places)]):
        rates.setdefault(rate.equipment_id, []).append(rate)
    return _Setup(equipment, places, units, counters, rates)


def _places(equipment: Equipment) -> list[Equipment]:
    """The lines of a site or area; a line or machine itself."""
    if equipment.level in ("line", "work_unit"):
        return [equipment]
    found: Any = plant.configuration_rows(
        "plant.Equipment", level="line", path__startswith=equipment.path
    ).order_by("path")
    return list(found)


def _told(place: Equipment, start: datetime, end: datetime) -> Part | None:
    """From the account and the counters."""
    found = kpi(equipment_id=place.pk, start=start, end=end)
    if found is None:
        return None
    executed = sum((s.duration for s in found.account.segments if s.order_code), NONE)
    told = found.figures
    return Part(
        found.account.durations,
        executed,
        told.failures,
        _judged(found.made),
        _scrap(found.made),
        told.rework,
        told.after_rework,
    )


def _closed(setup: _Setup, start: datetime, end: datetime) -> dict[int, Part]:
    """What closed windows tell, by place; those they do not make up the whole of are left out."""
    pacings = _pacings(setup, start, end)
    ids = {unit.pk for pacing in pacings.values() for unit in pacing.units}
    beside = beside_windows(equipment_ids=ids, start=start, end=end) if ids else frozenset()
    pacings = {
        place: pacing
        for place, pacing in pacings.items()
        if beside.isdisjoint(unit.pk for unit in pacing.units)
    }
    asked: list[Target] = []
    for pacing in pacings.values():
        begin = {rate.valid_from for unit in pacing.members for rate in setup.rates.get(unit.pk, ())}
        asked.append(Target(pacing, start, end, sorted(at for at in begin if start < at < end)))
    read = zip(pacings, asked, rolled_up(asked), strict=True)
    return {place: _part(target, found, setup.rates) for place, target, found in read if found is not None}


def _pacings(setup: _Setup, start: datetime, end: datetime) -> dict[int, Pacing]:
    """Who speaks for each place. Machines side by side are told from their accounts."""
    found: dict[int, Pacing] = {}
    for place in setup.places:
        if place.level != "line":
            pacing: Pacing | None = _pacing(place, start, end)
        else:
            units = setup.units[place.pk]
            pacing = line_pacing(line_id=place.pk, start=start, end=end, units=units, counters=setup.counters)
        if pacing is not None and pacing.group is None:
            found[place.pk] = pacing
    return found


def _part(target: Target, found: Rolled, rates: Mapping[int, Sequence[IdealRate]]) -> Part:
    counted = found.counted
    good, total, scrap = (
        ZERO if any(getattr(row, kind) is not None for row in counted) else None
        for kind in ("good", "total", "scrap")
    )
    orders = any(of_order for _, of_order in found.times) or any(row.of_order for row in counted)
    # Whatever was worked on and not counted made nothing, where it counts at all.
    outputs = [Output("", good, total, None)]
    for row in counted:
        cycle = _cycle(target, row, rates)
        if row.of_order or cycle is not None or not orders:
            outputs.append(
                Output(
                    "",
                    good if row.good is None else row.good,
                    total if row.total is None else row.total,
                    cycle,
                )
            )
    times: dict[str, timedelta] = {}
    for (name, _), time in found.times.items():
        times[name] = times.get(name, NONE) + time * MICROSECOND
    executed = sum((time for (_, of_order), time in found.times.items() if of_order), 0) * MICROSECOND
    rejected = None if scrap is None else sum((row.scrap for row in counted if row.scrap is not None), ZERO)
    return Part(times, executed, found.failures, outputs, rejected)


def _cycle(target: Target, row: Counted, rates: Mapping[int, Sequence[IdealRate]]) -> Decimal | None:
    """Reference seconds per piece of what was made, between the two ideal rates it was made between."""
    at = target.cuts[row.seg - 1] if row.seg else target.start
    known = [
        rate.units_per_hour
        for unit in target.pacing.members
        if (
            rate := rate_in_force(
                rates.get(unit.pk, ()), equipment_id=unit.pk, product_id=row.product_id, at=at
            )
        )
    ]
    return Decimal(3600) / sum(known, ZERO) if known else None
