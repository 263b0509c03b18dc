"""What one folded window of a machine changes in its tables, and whether it agrees with what was stored
after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db.models import Q, QuerySet

from production.domain.counters import FITS, SIX
from production.domain.stitching import COUNTERS, Fold, Gap, StateRow
from production.domain.stops import StopRow, needs_reason, size_of, stop_id
from production.domain.tracks import AlarmRow, SpanRow
from production.models import AlarmInterval, LotSpan, OrderSpan, QuantityActual, StateInterval, Stop, ToolSpan
from production.selectors.folding import going_on
from production.selectors.units import UnitSetup, planned_slots
from production.services.derived import Difference, Row, difference

STATE_COLUMNS = ("work_unit_id", "start_time", "end_time", "state", "mode", "fault_code", "cause")
STOP_COLUMNS = (
    "id", "work_unit_id", "start_time", "end_time", "base_class", "size", "fault_code", "needs_reason",
)  # fmt: skip
ORDER_COLUMNS = ("equipment_id", "order_code", "start_time", "end_time", "source")
TOOL_COLUMNS = ("work_unit_id", "signal_id", "tool_code", "start_time", "end_time")
LOT_COLUMNS = ("work_unit_id", "signal_id", "lot_code", "start_time", "end_time")
ALARM_COLUMNS = ("work_unit_id", "signal_id", "code", "text", "start_time", "acknowledged_at", "end_time")
COUNT_COLUMNS = ("work_unit_id", "signal_id", "kind", "start_time", "end_time", "flag", "quantity")


@dataclass(frozen=True, slots=True)
class Window:
    """A folded stretch of a machine from ``start``; ``end`` None: to the horizon. The last rows may be going
    on.
    """

    start: datetime
    end: datetime | None
    horizon: datetime
    fold: Fold
    states: list[StateRow]
    stops: list[StopRow]
    # Compare every table, even those no signal of the machine writes to any more.
    whole: bool = False

    def within(self) -> Q:
        """Stored rows this window decides: those that reach its start and those that begin in it."""
        begun = Q(start_time__gte=self.start)
        if self.end is not None:
            begun &= Q(start_time__lt=self.end)
        return begun | going_on(self.start)

    def orders(self) -> list[SpanRow]:
        return self._spans("order")

    def tools(self) -> list[SpanRow]:
        return self._spans("tool")

    def lots(self) -> list[SpanRow]:
        return self._spans("lot")

    def _spans(self, role: str) -> list[SpanRow]:
        ids = {signal.id for signal in self.fold.unit.signals if signal.role == role}
        return [
            row
            for track in self.fold.spans
            if track.signal in ids
            for row in [*track.rows, *track.open_rows()]
        ]

    def alarms(self) -> list[AlarmRow]:
        return [row for track in self.fold.alarms for row in [*track.rows, *track.open_rows()]]


def _stored(setup: UnitSetup, window: Window) -> dict[type[Any], QuerySet[Any]]:
    mine = {"work_unit_id": setup.id}
    counted = Q(flag="", start_time__gte=window.start) | ~Q(flag="") & Q(end_time__gte=window.start)
    if window.end is not None:
        counted &= Q(flag="", start_time__lt=window.end) | ~Q(flag="") & Q(end_time__lt=window.end)
    for counter in window.fold.counters:
        for row in counter.rows:
            if not row.flag and row.start < window.start:
                counted |= Q(flag="", start_time=row.start, signal_id=row.signal)
    roles = {signal.role for signal in window.fold.unit.signals}
    stored: dict[type[Any], QuerySet[Any]] = {
        StateInterval: StateInterval.objects.filter(window.within(), **mine),
        Stop: Stop.objects.filter(window.within(), **mine),
        OrderSpan: OrderSpan.objects.filter(window.within(), equipment_id=setup.id, source="signal"),
        ToolSpan: ToolSpan.objects.filter(window.within(), **mine),
        LotSpan: LotSpan.objects.filter(window.within(), **mine),
        AlarmInterval: AlarmInterval.objects.filter(window.within(), **mine),
        QuantityActual: QuantityActual.objects.filter(counted, **mine),
    }
    written: dict[type[Any], set[str]] = {
        OrderSpan: {"order"},
        ToolSpan: {"tool"},
        LotSpan: {"lot"},
        AlarmInterval: {"alarm", "fault_code"},
        QuantityActual: set(COUNTERS),
    }
    for model, by in written.items():
        if not window.whole and not by & roles:
            stored[model] = model.objects.none()
    return stored


def converged(
    setup: UnitSetup, window: Window, late_to: datetime, late_from: datetime, gaps: Sequence[Gap]
) -> bool:
    """Whether nothing after the window's end can differ from what is stored.

    True when every row going on there is stored with the same start, and each signal's last sample is one
    that was there before: then the fold would go on exactly as it did (its state is those rows and samples,
    nothing else). A counter goes on from its last good sample; ``gaps``, those that reach what is late, may
    be new to it.
    """
    assert window.end is not None
    good = [counter.at for counter in window.fold.counters if counter.at is not None]
    if any(late_from <= at <= late_to for at in (*window.fold.last.values(), *good)):
        return False
    if any(gap.end is None or gap.end > window.end or any(at < gap.end for at in good) for gap in gaps):
        return False
    stored = _stored(setup, window)
    reaching = going_on(window.end)
    state = window.fold.row if setup.unit.has_state else None
    held: Any = stored[StateInterval].filter(reaching).values_list("start_time", *STATE_COLUMNS[3:])
    if list(held) != ([(state.start, *state[2:])] if state else []):
        return False
    stop = _last_open(window.stops)
    held = stored[Stop].filter(reaching).values_list("start_time", "base_class", "fault_code")
    if list(held) != ([(stop.start, stop.base_class, stop.fault_code)] if stop else []):
        return False
    return _tracks_agree(window, stored, reaching)


def _tracks_agree(window: Window, stored: dict[type[Any], QuerySet[Any]], reaching: Q) -> bool:
    orders = sorted((row.start, row.value) for row in window.orders() if row.end is None)
    tools = sorted((row.start, row.value) for row in window.tools() if row.end is None)
    lots = sorted((row.start, row.value) for row in window.lots() if row.end is None)
    alarms = sorted((row.start, row.code) for row in window.alarms() if row.end is None)
    acknowledged = sorted(
        (r.start, r.acknowledged) for r in window.alarms() if r.end is None and r.acknowledged
    )
    held = sorted(stored[AlarmInterval].filter(reaching).values_list("start_time", "code"))
    noticed = stored[AlarmInterval].filter(reaching, acknowledged_at__lt=window.end)
    return (
        sorted(stored[OrderSpan].filter(reaching).values_list("start_time", "order_code")) == orders
        and sorted(stored[ToolSpan].filter(reaching).values_list("start_time", "tool_code")) == tools
        and sorted(stored[LotSpan].filter(reaching).values_list("start_time", "lot_code")) == lots
        and held == alarms
        and sorted(noticed.values_list("start_time", "acknowledged_at")) == acknowledged
    )


def _last_open(stops: list[StopRow]) -> StopRow | None:
    return stops[-1] if stops and stops[-1].end is None else None


def differences(setup: UnitSetup, window: Window) -> list[Difference]:
    """What the window changes, table by table."""
    for counter in window.fold.counters:
        counter.flush()
    stored = _stored(setup, window)
    derived: list[tuple[type[Any], tuple[str, ...], Iterable[Row]]] = [
        (StateInterval, STATE_COLUMNS, _state_rows(setup, window, stored[StateInterval])),
        (Stop, STOP_COLUMNS, _stop_rows(setup, window, stored[Stop])),
        (OrderSpan, ORDER_COLUMNS, _order_rows(setup, window, stored[OrderSpan])),
        (ToolSpan, TOOL_COLUMNS, _span_rows(setup, window, window.tools(), stored[ToolSpan])),
        (LotSpan, LOT_COLUMNS, _span_rows(setup, window, window.lots(), stored[LotSpan])),
        (AlarmInterval, ALARM_COLUMNS, _alarm_rows(setup, window, stored[AlarmInterval])),
        (QuantityActual, COUNT_COLUMNS, _count_rows(setup, window)),
    ]
    return [
        change for model, columns, rows in derived if (change := difference(stored[model], columns, rows))
    ]


def _ends(window: Window, stored: QuerySet[Any], *key: str) -> dict[tuple[Any, ...], datetime | None]:
    """Stored ends of rows that reach the window's end: what goes on there ends where it ended before."""
    if window.end is None:
        return {}
    return {tuple(row[:-1]): row[-1] for row in stored.values_list("start_time", *key, "end_time")}


def _state_rows(setup: UnitSetup, window: Window, stored: QuerySet[Any]) -> list[Row]:
    ends = _ends(window, stored)
    return [
        (setup.id, row.start, ends.get((row.start,)) if row.end is None else row.end, *row[2:])
        for row in window.states
    ]


def _stop_rows(setup: UnitSetup, window: Window, stored: QuerySet[Any]) -> list[Row]:
    ends = _ends(window, stored)
    limits = setup.thresholds
    stops = [row._replace(end=ends.get((row.start,))) if row.end is None else row for row in window.stops]
    slots = None
    if stops:
        last = max(row.end or window.horizon for row in stops)
        slots = planned_slots(line_id=setup.line_id, start=stops[0].start, end=max(last, window.horizon))
    found: list[Row] = []
    for row in stops:
        size = size_of(max((row.end or window.horizon), row.start) - row.start, limits)
        asked = needs_reason(row, window.horizon, limits, slots)
        found.append(
            (
                stop_id(setup.unit.code, row.start),
                setup.id,
                row.start,
                row.end,
                row.base_class,
                size,
                row.fault_code[:80],
                asked,
            )
        )
    return found


def _order_rows(setup: UnitSetup, window: Window, stored: QuerySet[Any]) -> list[Row]:
    ends = _ends(window, stored, "order_code")
    return [
        (
            setup.id,
            row.value[:80],
            row.start,
            ends.get((row.start, row.value[:80])) if row.end is None else row.end,
            "signal",
        )
        for row in window.orders()
    ]


def _span_rows(setup: UnitSetup, window: Window, rows: list[SpanRow], stored: QuerySet[Any]) -> list[Row]:
    ends = _ends(window, stored, "signal_id")
    return [
        (
            setup.id,
            row.signal,
            row.value[:80],
            row.start,
            ends.get((row.start, row.signal)) if row.end is None else row.end,
        )
        for row in rows
    ]


def _alarm_rows(setup: UnitSetup, window: Window, stored: QuerySet[Any]) -> list[Row]:
    ends = _ends(window, stored, "signal_id", "acknowledged_at")
    known = {key[:2]: (key[2], end) for key, end in ends.items()}
    found: list[Row] = []
    for row in window.alarms():
        acknowledged, end = row.acknowledged, row.end
        if end is None and window.end is not None:
            held, end = known.get((row.start, row.signal), (None, None))
            acknowledged = acknowledged or held
        found.append((setup.id, row.signal, row.code[:80], row.text[:200], row.start, acknowledged, end))
    return found


def _count_rows(setup: UnitSetup, window: Window) -> list[Row]:
    pieces: dict[tuple[int, str, datetime, datetime, str], Decimal] = {}
    for row in window.fold.counted:
        # Several values of one instant may make several steps of it; they are one row.
        pieces[row[:5]] = pieces.get(row[:5], Decimal(0)) + row.quantity
    return [
        (setup.id, *key, quantity.quantize(SIX) if abs(quantity) < FITS else Decimal(0))
        for key, quantity in pieces.items()
    ]
