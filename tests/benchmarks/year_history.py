"""What each machine of the year did: states, stops, orders, counts, samples and reasons, by COPY."""

from __future__ import annotations

import csv
import io
import random
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from connectors.services import partitions_ensure
from plant.domain.calendar import Slot
from plant.models import Equipment, Reason
from production.domain.stitching import StateRow
from production.domain.stops import StopRow, Thresholds, needs_reason, size_of, stop_id, stops_of
from production.models import (
    OrderSpan,
    QuantityActual,
    ReasonAssertion,
    StateInterval,
    StitchCheckpoint,
    Stop,
)
from production.selectors.stored import COUNTS, ORDERS, STATES, STOPS
from production.services.derived import rows_copy
from tests.benchmarks.year_data import FAULTS, FIVE, RATES, SEED, Orders, Year, _stretches

SECOND = timedelta(seconds=1)
LIMITS = Thresholds(minimum=timedelta(seconds=4))
# State, share of the stops, shortest and longest in seconds.
SORTS = (
    ("held", 0.74, 5, 110),
    ("starved", 0.08, 20, 400),
    ("blocked", 0.07, 20, 400),
    ("aborted", 0.07, 130, 1500),
    ("stopped", 0.04, 130, 1200),
)
RUN_MEAN, SETUP_SHARE, CODED_SHARE = 318.0, 0.5, 0.85
SAID_COLUMNS = (
    "said_by_rule", "said_at", "equipment_id", "start_time", "end_time", "reason_id", "comment",
)  # fmt: skip
SAMPLE_COLUMNS = (
    "signal_id", "source_time", "arrival_time", "source_key", "quality", "historical", "v_int",
    "equipment_id", "site_id",
)  # fmt: skip


def days_ensure(year: Year) -> None:
    """Makes the days that samples are kept by."""
    orders = [order for found in year.orders.values() for order in found]
    partitions_ensure(
        days=sorted({(order.start + near).date() for order in orders for near in (FIVE, -SECOND)})
    )


def line_history_make(year: Year, line: Equipment) -> Counter[str]:
    """Writes a year of a line's machines, the same for a seed whatever is written beside it; returns how many
    rows of each sort.
    """
    dice = random.Random(f"{SEED} {line.code}")
    reasons = list(Reason.objects.order_by("code").values_list("pk", flat=True))
    rows_copy(OrderSpan, ORDERS.columns, _spans(line, year))
    rows: Counter[str] = Counter()
    for unit in year.units[line.pk]:
        rows += _unit_make(year, line, unit, reasons, dice)
    return rows


def _spans(line: Equipment, year: Year) -> list[tuple[Any, ...]]:
    return [
        (place.pk, order.code, order.start, order.end, "events")
        for place in (line, *year.units[line.pk])
        for order in year.orders[line.pk]
    ]


def _unit_make(
    year: Year, line: Equipment, unit: Equipment, reasons: Sequence[int], dice: random.Random
) -> Counter[str]:
    states = list(_states(year, line, dice))
    stops = stops_of(states)
    rows_copy(StateInterval, STATES.columns, [(unit.pk, row.start, row.end, *row[2:]) for row in states])
    told = list(_stop_rows(unit, stops, year.slots[line.pk]))
    rows_copy(Stop, STOPS.columns, told)
    said = list(_said(unit, told, reasons, dice))
    rows_copy(ReasonAssertion, SAID_COLUMNS, said)
    counts, samples = _counts(year, line, unit, dice)
    rows_copy(QuantityActual, COUNTS.columns, counts)
    _samples_copy(samples)
    StitchCheckpoint.objects.create(work_unit=unit, begun=year.start, folded_to=year.end, horizon=year.end)
    return Counter(
        states=len(states), stops=len(told), reasons=len(said), counts=len(counts), samples=len(samples)
    )


def _states(year: Year, line: Equipment, dice: random.Random) -> Iterator[StateRow]:
    """Runs and stops through every stretch of shifts, set up at half of the orders; switched off between."""
    before: datetime | None = None
    orders = iter(year.orders[line.pk])
    order = next(orders, None)
    sorts, shares = [sort[0] for sort in SORTS], [sort[1] for sort in SORTS]
    limits = {sort[0]: sort[2:] for sort in SORTS}
    for start, end in _stretches([slot for slot in year.slots[line.pk] if slot.kind == "shift"]):
        if before is not None:
            yield StateRow(before, start, "stopped", "produce", "", "")
        at = start
        while at < end:
            if order is not None and order.start <= at:
                order = next(orders, None)
                if dice.random() < SETUP_SHARE:
                    done = min(at + SECOND * dice.randint(120, 700), end)
                    yield StateRow(at, done, "held", "setup", "", "")
                    at = done
                    continue
            ran = min(at + timedelta(seconds=round(dice.expovariate(1 / RUN_MEAN), 3) + 1), end)
            yield StateRow(at, ran, "execute", "produce", "", "")
            if ran == end:
                break
            [state] = dice.choices(sorts, shares)
            low, high = limits[state]
            stood = min(ran + timedelta(seconds=round(dice.uniform(low, high), 3)), end)
            fault = dice.choice(FAULTS) if state in ("held", "aborted") else ""
            yield StateRow(ran, stood, state, "produce", fault, "")
            at = stood
        before = end


def _stop_rows(unit: Equipment, stops: Sequence[StopRow], slots: Sequence[Slot]) -> Iterator[tuple[Any, ...]]:
    starts = [slot.start for slot in slots]
    for row in stops:
        assert row.end is not None
        size = size_of(row.end - row.start, LIMITS)
        near = bisect_right(starts, row.start)
        asked = size == "registered" and needs_reason(
            row, row.end, LIMITS, list(slots[max(0, near - 4) : near + 4])
        )
        key = stop_id(unit.code, row.start)
        yield key, unit.pk, row.start, row.end, row.base_class, size, row.fault_code, asked


def _said(
    unit: Equipment, stops: Sequence[tuple[Any, ...]], reasons: Sequence[int], dice: random.Random
) -> Iterator[tuple[Any, ...]]:
    """Most stops that ask have a reason, a few causes far more often than the rest."""
    weights = [1 / (number + 1) for number in range(len(reasons))]
    shifted = [*reasons[unit.pk % 7 :], *reasons[: unit.pk % 7]]
    for _id, machine, start, end, *_rest, asked in stops:
        if asked and dice.random() < CODED_SHARE:
            [reason] = dice.choices(shifted, weights)
            yield "year", end, machine, start, end, reason, ""


def _counts(
    year: Year, line: Equipment, unit: Equipment, dice: random.Random
) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
    """Five-minute counts of the counters, and the samples beside each change of order."""
    counts: list[tuple[Any, ...]] = []
    samples: list[tuple[Any, ...]] = []
    most = RATES[year.units[line.pk].index(unit)] // 12
    for role, signal in year.signals.get(unit.pk, {}).items():
        value = 0
        for order in year.orders[line.pk]:
            for start, pieces in _buckets(order, most, role, dice):
                if start == order.start:
                    samples += [_sample(year, signal.pk, unit, start - SECOND, value)]
                    samples += [_sample(year, signal.pk, unit, start + FIVE - SECOND, value + pieces)]
                value += pieces
                counts.append((unit.pk, signal.pk, role.split("_")[0], start, start + FIVE, "", pieces))
    return counts, samples


def _buckets(order: Orders, most: int, role: str, dice: random.Random) -> Iterator[tuple[datetime, int]]:
    at = order.start
    while at < order.end:
        good = round(most * dice.uniform(0.35, 0.95))
        yield at, good if role == "good_count" else dice.randint(0, 12)
        at += FIVE


def _sample(year: Year, signal: int, unit: Equipment, at: datetime, value: int) -> tuple[Any, ...]:
    return signal, at, at, value + 1, 0, False, value, unit.pk, year.site.pk


def _samples_copy(rows: Sequence[tuple[Any, ...]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    text.seek(0)
    names = ", ".join(SAMPLE_COLUMNS)
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY connectors_signalsample ({names}) FROM STDIN (FORMAT csv)", text)
