"""What one folded window of a machine changes in its tables, and whether it agrees with what was stored
after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from production.domain.counters import FITS, SIX
from production.domain.stitching import Fold, Gap, StateRow
from production.domain.stops import StopRow, needs_reason, size_of, stop_id
from production.domain.tracks import AlarmRow, SpanRow
from production.selectors.stored import (
    ALARMS,
    COUNTS,
    LOTS,
    ORDERS,
    STATES,
    STOPS,
    TOOLS,
    Held,
    Stored,
    Table,
)
from production.selectors.units import UnitSetup, planned_slots
from production.services.derived import Difference, Row, compared

STATE_GOING_ON = STATES.pick("start_time", "state", "mode", "fault_code", "cause")
STOP_GOING_ON = STOPS.pick("start_time", "base_class", "fault_code")
CODE_GOING_ON = {
    ORDERS: ORDERS.pick("start_time", "order_code"),
    TOOLS: TOOLS.pick("start_time", "tool_code"),
    LOTS: LOTS.pick("start_time", "lot_code"),
}
ALARM_GOING_ON = ALARMS.pick("start_time", "code", "acknowledged_at")
BUCKET_BEGUN = COUNTS.pick("signal_id", "start_time")


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
    stored: Stored

    def held(self, table: Table) -> list[Held]:
        """Stored rows this window decides: those that reach its start and those that begin in it."""
        rows = self.stored.begun(table, self.end)
        if table is COUNTS:
            continued = {(row.signal, row.start) for row in self.fold.counted if not row.flag}
            rows += [row for row in self.stored.buckets_at_start() if BUCKET_BEGUN(row) in continued]
        return rows

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
    state = window.fold.row if setup.unit.has_state else None
    held = [STATE_GOING_ON(row) for row in window.stored.reaching(STATES, window.end)]
    if held != ([(state.start, *state[2:])] if state else []):
        return False
    stop = _last_open(window.stops)
    held = [STOP_GOING_ON(row) for row in window.stored.reaching(STOPS, window.end)]
    if held != ([(stop.start, stop.base_class, stop.fault_code)] if stop else []):
        return False
    return _tracks_agree(window, window.end)


def _tracks_agree(window: Window, end: datetime) -> bool:
    for table, rows in ((ORDERS, window.orders()), (TOOLS, window.tools()), (LOTS, window.lots())):
        held = map(CODE_GOING_ON[table], window.stored.reaching(table, end))
        if sorted(held) != sorted((row.start, row.value) for row in rows if row.end is None):
            return False
    alarms = [row for row in window.alarms() if row.end is None]
    stored = [ALARM_GOING_ON(row) for row in window.stored.reaching(ALARMS, end)]
    return sorted(row[:2] for row in stored) == sorted((row.start, row.code) for row in alarms) and sorted(
        (start, noticed) for start, _, noticed in stored if noticed and noticed < end
    ) == sorted((row.start, row.acknowledged) for row in alarms if row.acknowledged)


def _last_open(stops: list[StopRow]) -> StopRow | None:
    return stops[-1] if stops and stops[-1].end is None else None


def differences(setup: UnitSetup, window: Window) -> list[Difference]:
    """What the window changes, table by table."""
    for counter in window.fold.counters:
        counter.flush()
    derived: list[tuple[Table, Iterable[Row]]] = [
        (STATES, _state_rows(setup, window)),
        (STOPS, _stop_rows(setup, window)),
        (ORDERS, _order_rows(setup, window)),
        (TOOLS, _span_rows(setup, window, window.tools(), TOOLS)),
        (LOTS, _span_rows(setup, window, window.lots(), LOTS)),
        (ALARMS, _alarm_rows(setup, window)),
        (COUNTS, _count_rows(setup, window)),
    ]
    return [
        change
        for table, rows in derived
        if (change := compared(table.model, table.columns, window.held(table), rows))
    ]


def _ends(window: Window, table: Table, *key: str) -> dict[tuple[Any, ...], datetime | None]:
    """Stored ends of rows that reach the window's end: what goes on there ends where it ended before."""
    if window.end is None:
        return {}
    read = table.pick("start_time", *key, "end_time")
    return {told[:-1]: told[-1] for told in map(read, window.held(table))}


def _state_rows(setup: UnitSetup, window: Window) -> list[Row]:
    ends = _ends(window, STATES)
    return [
        (setup.id, row.start, ends.get((row.start,)) if row.end is None else row.end, *row[2:])
        for row in window.states
    ]


def _stop_rows(setup: UnitSetup, window: Window) -> list[Row]:
    ends = _ends(window, STOPS)
    limits = setup.thresholds
    stops = [row._replace(end=ends.get((row.start,))) if row.end is None else row for row in window.stops]
    slots = None
    if stops and setup.has_calendar:
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


def _order_rows(setup: UnitSetup, window: Window) -> list[Row]:
    ends = _ends(window, ORDERS, "order_code")
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


def _span_rows(setup: UnitSetup, window: Window, rows: list[SpanRow], table: Table) -> list[Row]:
    ends = _ends(window, table, "signal_id")
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


def _alarm_rows(setup: UnitSetup, window: Window) -> list[Row]:
    ends = _ends(window, ALARMS, "signal_id", "acknowledged_at")
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
