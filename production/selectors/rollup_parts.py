"""What closed windows of a machine add up, from its account and its counters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from django.db import models
from django.db.models import QuerySet
from django.db.models.functions import TruncMonth

from connectors.selectors.edges import samples_at_edges
from plant import selectors as plant
from plant.domain.calendar import Slot
from production.domain.counters import SIX
from production.domain.rollup import MICROSECOND, Closed, Sum, added_up, windows_of
from production.domain.stitching import COUNTERS
from production.models import (
    IdealRate,
    RollupMonth,
    RollupOutput,
    RollupTime,
    RollupWindow,
    StitchCheckpoint,
    Stop,
)
from production.selectors.accounts import accounts, orders_between
from production.selectors.order_quantities import OrderCount, order_parts, order_quantities
from production.selectors.quantities import INSTANT, quantities
from production.selectors.units import planned_slots, signals_of

if TYPE_CHECKING:
    from connectors.models import SignalDefinition
    from plant.models import Equipment

Row = tuple[Any, ...]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WINDOW_COLUMNS = (
    "work_unit_id", "start_time", "end_time", "shift_code", "production_day", "failed", "counters",
    "shared_instant",
)  # fmt: skip
TIME_COLUMNS = (
    "work_unit_id", "start_time", "shift_code", "order_code", "time_class", "reason_code", "uncoded",
    "microseconds", "stops",
)  # fmt: skip
MONTH_COLUMNS = (
    "work_unit_id", "month", "shift_code", "time_class", "reason_code", "uncoded", "microseconds", "stops",
)  # fmt: skip
_CUT = ("start_time", "end_time", "shift_code", "production_day")
OUTPUT_COLUMNS = ("work_unit_id", "start_time", "order_code", "good", "total", "scrap")


@dataclass(frozen=True, slots=True)
class Plan:
    """A line as its windows are cut: its calendar, and where an ideal rate of one of its machines begins."""

    slots: Sequence[Slot]
    cuts: Sequence[datetime]

    def windows(self, start: datetime, end: datetime) -> list[Closed]:
        return windows_of(start, end, self.slots, self.cuts)

    def edges(self) -> list[datetime]:
        """Where a shift begins or ends."""
        return sorted({at for slot in self.slots if slot.kind == "shift" for at in (slot.start, slot.end)})


def line_plan(*, line_id: int, start: datetime, end: datetime) -> Plan | None:
    """None where the line has no calendar: its time has no windows to add up."""
    slots = planned_slots(line_id=line_id, start=start, end=end)
    if slots is None:
        return None
    units = [unit.pk for unit in plant.line_work_units(line_id)]
    cuts = IdealRate.objects.filter(equipment_id__in=units, valid_from__gt=start, valid_from__lt=end)
    return Plan(slots, sorted(cuts.order_by().values_list("valid_from", flat=True).distinct()))


def known_to(*, work_unit_id: int) -> tuple[datetime, datetime] | None:
    """From when on a machine's data are known, and until when they can still change only by what lands late:
    a stop that goes on may become longer than it is.
    """
    checkpoint = StitchCheckpoint.objects.filter(work_unit_id=work_unit_id).first()
    if checkpoint is None:
        return None
    going_on = Stop.objects.filter(work_unit_id=work_unit_id, end_time=None).order_by("start_time").first()
    until = checkpoint.horizon if going_on is None else min(checkpoint.horizon, going_on.start_time)
    return checkpoint.begun, until


def windows_stored(*, work_unit_id: int, start: datetime, end: datetime) -> dict[type[Any], QuerySet[Any]]:
    """Rows of the windows that begin in [start, end)."""
    mine = {"work_unit_id": work_unit_id, "start_time__gte": start, "start_time__lt": end}
    return {
        model: model._default_manager.filter(**mine) for model in (RollupWindow, RollupTime, RollupOutput)
    }


def times_derived(*, unit: Equipment, windows: Sequence[Closed]) -> dict[type[Any], list[Row]] | None:
    """Rows of windows and of their time, as the account tells them now; what was counted as it is stored.

    None where other windows are stored than those asked for.
    """
    if not windows:
        return None
    start, end = windows[0].start, windows[-1].end
    stored = windows_stored(work_unit_id=unit.pk, start=start, end=end)[RollupWindow]
    counted = {row[:4]: row[4:] for row in stored.values_list(*_CUT, "counters", "shared_instant")}
    cuts = [(w.start, w.end, w.shift_code, w.production_day) for w in windows]
    account = accounts(equipment=[unit], start=start, end=end).get(unit.pk)
    if counted.keys() != set(cuts) or account is None or account.end < end:
        return None
    found: dict[type[Any], list[Row]] = {RollupWindow: [], RollupTime: []}
    for cut, added in zip(cuts, added_up(account.segments, windows), strict=True):
        found[RollupWindow].append((unit.pk, *cut, _failed(added), *counted[cut]))
        found[RollupTime] += _time_rows(unit.pk, added)
    return found


def windows_derived(*, unit: Equipment, windows: Sequence[Closed]) -> dict[type[Any], list[Row]]:
    """Rows of windows that touch, as the account and the counters tell them now."""
    found: dict[type[Any], list[Row]] = {RollupWindow: [], RollupTime: [], RollupOutput: []}
    if not windows:
        return found
    start, end = windows[0].start, windows[-1].end
    account = accounts(equipment=[unit], start=start, end=end).get(unit.pk)
    if account is None or account.end < end:
        return found
    counters = signals_of(equipment_ids=[unit.pk], roles=COUNTERS)
    spoke = _spoken(counters, windows)
    changes = _order_changes(unit, windows) if counters else frozenset()
    for place, added in enumerate(added_up(account.segments, windows)):
        window = added.window
        shared = window.start in changes and _counted_at(unit, counters, window.start)
        found[RollupWindow].append(
            (
                unit.pk, window.start, window.end, window.shift_code, window.production_day,
                _failed(added), spoke[place], shared,
            )
        )  # fmt: skip
        found[RollupTime] += _time_rows(unit.pk, added)
        if counters:
            counted = order_quantities(equipment=[unit], start=window.start, end=window.end)[unit.pk]
            found[RollupOutput] += _output_rows(unit.pk, window, counted)
    return found


def months_stored(*, work_unit_id: int, start: datetime, end: datetime) -> QuerySet[RollupMonth]:
    """The months in which windows of [start, end) begin."""
    first, last = (at.astimezone(UTC).date().replace(day=1) for at in (start, end))
    return RollupMonth.objects.filter(work_unit_id=work_unit_id, month__gte=first, month__lte=last)


def months_derived(*, work_unit_id: int, start: datetime, end: datetime) -> list[Row]:
    """What their closed windows add up to."""
    first = start.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    after = (end.astimezone(UTC).replace(day=1) + timedelta(days=32)).replace(day=1)
    after = after.replace(hour=0, minute=0, second=0, microsecond=0)
    rows: Any = RollupTime.objects.filter(
        work_unit_id=work_unit_id, start_time__gte=first, start_time__lt=after
    ).order_by()
    rows = rows.annotate(month=TruncMonth("start_time", tzinfo=UTC, output_field=models.DateField()))
    told = rows.values_list(*MONTH_COLUMNS[:6]).annotate(
        time=models.Sum("microseconds"), begun=models.Sum("stops")
    )
    return [(*key, int(time), begun) for *key, time, begun in told]


def _spoken(counters: Sequence[SignalDefinition], windows: Sequence[Closed]) -> list[str]:
    """Which counters had told anything by the end of each window: until then its pieces are not known."""
    if not counters:
        return [""] * len(windows)
    ends = [window.end for window in windows]
    edges = samples_at_edges(
        instants={(signal.pk, at) for signal in counters for at in ends},
        windows=[],
        equipment_ids=[],
        until=ends[-1],
    )
    return [",".join(str(s.pk) for s in counters if (s.pk, at) in edges.before) for at in ends]


def _order_changes(unit: Equipment, windows: Sequence[Closed]) -> frozenset[datetime]:
    """Starts of windows at which the order, or an ideal rate, changed too."""
    margin = timedelta(seconds=1)
    start, end = windows[0].start - margin, windows[-1].end
    uses = orders_between(equipment=[unit], start=start, end=end)[unit.pk]
    parts = order_parts(uses, start, end)
    starts = {window.start for window in windows}
    shifts = {w.start for before, w in pairwise(windows) if before.shift_code == w.shift_code}
    return frozenset(starts & ({part.start for part in parts} | shifts))


def _counted_at(unit: Equipment, counters: Sequence[SignalDefinition], at: datetime) -> bool:
    found = quantities(equipment_ids=[unit.pk], start=at, end=at + INSTANT, counters=counters).get(unit.pk)
    return found is not None and any((found.good, found.scrap, found.total, found.rework))


def _failed(added: Sum) -> str:
    return ",".join(str((at - EPOCH) // MICROSECOND) for at in added.failed)


def _time_rows(unit_id: int, added: Sum) -> list[Row]:
    window = added.window
    return [(unit_id, window.start, window.shift_code, *key, *sums) for key, sums in added.times.items()]


def _output_rows(unit_id: int, window: Closed, counted: Sequence[OrderCount]) -> list[Row]:
    """By order, what its parts of the window add up to; parts without a count are left out of the sum."""
    found: dict[str, list[Any]] = {}
    for use, pieces in counted:
        sums = found.setdefault(use.code, [None, None, None])
        if pieces is not None:
            told = (pieces.good, pieces.good if pieces.total is None else pieces.total, pieces.scrap)
            for place, amount in enumerate(told):
                if amount is not None:
                    sums[place] = (sums[place] or 0) + amount
    return [(unit_id, window.start, code, *map(_six, sums)) for code, sums in found.items()]


def _six(amount: Any) -> Decimal | None:
    return None if amount is None else Decimal(amount).quantize(SIX)
