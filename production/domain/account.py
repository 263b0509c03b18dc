"""What happened in a window, told so that it adds up: segments lie end to end and are exactly the window.

Classes come from the whole of each stop, durations from clipping, so no window changes a class and windows
add up.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Generic, NamedTuple, TypeVar

from plant.domain.calendar import SHIFT, Planned, Slot, planned
from plant.domain.intervals import Interval, Spanning
from production.domain import states
from production.domain.definition import STANDARD_ONLY, Definitions
from production.domain.slow import Slow
from production.domain.stitching import NO_VALUE, StateRow
from production.domain.stops import REGISTERED, StopRow, Thresholds, needs_reason, size_of
from production.domain.time_model import CLASSES, RUNNING, UNKNOWN, Situation, time_class

# A reason without an end belongs to the stop at its start; late data may since have moved that stop by so
# much.
NEAR = timedelta(seconds=60)


class Said(NamedTuple):
    """A reason in force over a range; ``end`` None: until the stop it was said about ends."""

    start: datetime
    end: datetime | None
    reason_code: str
    time_class: str
    assertion_id: int


class OrderUse(NamedTuple):
    """The machine worked on an order."""

    start: datetime
    end: datetime | None
    code: str


@dataclass(frozen=True, slots=True)
class Known:
    """Everything an account is made from. Reasons are in the order they were said, superseded ones left out.

    ``slots`` None: the line has no calendar, so all time is working time. ``horizon``: until when data are
    known.
    """

    states: Sequence[StateRow]
    stops: Sequence[StopRow]
    slots: Sequence[Slot] | None
    orders: Sequence[OrderUse]
    reasons: Sequence[Said]
    thresholds: Thresholds
    horizon: datetime
    definitions: Definitions = STANDARD_ONLY
    slow: Sequence[Slow] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the window that is all of one sort. ``stop_start`` with the machine addresses the stop it is
    part of.

    ``contradicted``: a reason was said for this time, and the machine was running.
    """

    start: datetime
    end: datetime
    time_class: str
    state: str
    mode: str = ""
    fault_code: str = ""
    cause: str = ""
    planned: str = SHIFT
    shift_code: str = ""
    order_code: str = ""
    stop_start: datetime | None = None
    stop_size: str = ""
    reason_code: str = ""
    assertion_id: int | None = None
    uncoded: bool = False
    contradicted: bool = False
    # The sort of time its state is by the definition in force.
    base_class: str = ""
    # Share of it lost by running slowly; None: at rate, or not told apart.
    slow: Fraction | None = None

    @property
    def duration(self) -> timedelta:
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class Account:
    """A window of one machine in which every instant has exactly one class."""

    start: datetime
    end: datetime
    segments: tuple[Segment, ...]

    @property
    def span(self) -> timedelta:
        return self.end - self.start

    @property
    def durations(self) -> dict[str, timedelta]:
        """Time per class, in the model's order, classes without time left out."""
        total = dict.fromkeys(CLASSES, timedelta())
        for segment in self.segments:
            total[segment.time_class] += segment.duration
        return {name: time for name, time in total.items() if time}

    @property
    def unexplained(self) -> timedelta:
        """The window minus the time of all classes: zero, or the account is wrong."""
        return self.span - sum((segment.duration for segment in self.segments), timedelta())

    @property
    def uncoded(self) -> timedelta:
        """Planned time in stops that ask for a reason and have none."""
        return sum((segment.duration for segment in self.segments if segment.uncoded), timedelta())

    @property
    def slow(self) -> timedelta:
        """Running time named slow."""
        return sum((segment.duration for segment in self.segments if segment.slow is not None), timedelta())

    @property
    def slow_lost(self) -> Fraction:
        """Seconds of it that the ideal rate would not have needed."""
        microseconds = sum(
            (s.slow * (s.duration // timedelta(microseconds=1)) for s in self.segments if s.slow is not None),
            Fraction(0),
        )
        return microseconds / 1_000_000

    @property
    def contradicted(self) -> tuple[Segment, ...]:
        return tuple(segment for segment in self.segments if segment.contradicted)


T = TypeVar("T", bound=Spanning)


class Along(Generic[T]):
    """Disjoint spans in order, asked at instants that only move forward."""

    def __init__(self, spans: Sequence[T]) -> None:
        self._spans, self._index = spans, 0

    def at(self, instant: datetime) -> T | None:
        spans = self._spans
        while self._index < len(spans):
            span = spans[self._index]
            if span.end is not None and span.end <= instant:
                self._index += 1
                continue
            return span if span.start <= instant else None
        return None


def painted(said: Iterable[Said], stops: Sequence[StopRow], horizon: datetime) -> list[Said]:
    """Reasons as disjoint spans in order: where two overlap, the one said later holds."""
    spans: list[Said] = []
    for item in said:
        end = item.end if item.end is not None else _stop_end(item.start, stops, horizon)
        if end is None or end <= item.start:
            continue
        kept: list[Said] = []
        for other in spans:
            assert other.end is not None
            if other.start < item.start:
                kept.append(other._replace(end=min(other.end, item.start)))
            if other.end > end:
                kept.append(other._replace(start=max(other.start, end)))
        spans = [*kept, item._replace(end=end)]
    return sorted(spans, key=lambda s: s.start)


def _stop_end(instant: datetime, stops: Sequence[StopRow], horizon: datetime) -> datetime | None:
    for stop in stops:
        if stop.end is None or instant < stop.end:
            return (stop.end or max(horizon, instant)) if stop.start <= instant + NEAR else None
    return None


def disjoint_orders(uses: Iterable[OrderUse]) -> list[OrderUse]:
    """Orders as disjoint spans: an order lasts until the next one starts at the latest."""
    found: list[OrderUse] = []
    for use in sorted(uses, key=lambda u: (u.start, u.code)):
        if found and (found[-1].end is None or found[-1].end > use.start):
            last = found.pop()
            found += [last._replace(end=use.start)] if last.start < use.start else []
        found.append(use)
    return found


def account(window: Interval, known: Known) -> Account:
    """The account of a closed window."""
    assert window.end is not None
    plan = (
        planned(window, known.slots)
        if known.slots is not None
        else [Planned(window.start, window.end, SHIFT)]
    )
    said = painted(known.reasons, known.stops, known.horizon)
    orders = disjoint_orders(known.orders)
    cuts = {window.start, window.end}
    for spans in (known.states, known.stops, plan, said, orders, known.slow):
        for span in spans:
            cuts.update(cut for cut in (span.start, span.end) if cut and window.start < cut < window.end)
    edges = sorted(cuts)
    tell = _Teller(known, plan, said, orders)
    segments: list[Segment] = []
    begin, what = window.start, tell.what(window.start)
    for at in edges[1:-1]:
        now = tell.what(at)
        if now != what:
            segments.append(Segment(begin, at, *what))
            begin, what = at, now
    segments.append(Segment(begin, window.end, *what))
    return Account(window.start, window.end, tuple(segments))


# The fields of a Segment after its start and end.
What = tuple[str, str, str, str, str, str, str, str, datetime | None, str, str, int | None, bool, bool, str,
    Fraction | None,
]  # fmt: skip


class _Teller:
    """Says what one part of the window was, parts asked for in order."""

    def __init__(
        self, known: Known, plan: Sequence[Planned], said: Sequence[Said], orders: Sequence[OrderUse]
    ) -> None:
        self._known = known
        self._states, self._stops = Along(known.states), Along(known.stops)
        self._plan, self._said, self._orders = Along(plan), Along(said), Along(orders)
        self._slow = Along(known.slow)
        self._asks: dict[datetime, bool] = {}

    def what(self, at: datetime) -> What:
        row = self._states.at(at) or StateRow(at, None, UNKNOWN, "", "", NO_VALUE)
        stop, plan = self._stops.at(at), self._plan.at(at)
        said, order = self._said.at(at), self._orders.at(at)
        definition = self._known.definitions.at(row.start)
        base = definition.bases[row.state]
        size = self._size(stop) if stop else ""
        kind = plan.kind if plan else SHIFT
        code = order.code if order else ""
        reason = said.time_class if said and stop else ""
        situation = Situation(row.state, row.mode, row.fault_code, kind, code, size, reason)
        # Nobody is asked about the part of a stop that lies in a pause or after the shift.
        asked = stop is not None and order is not None and kind == SHIFT and said is None
        uncoded = asked and stop is not None and self._asks_reason(stop)
        told = time_class(situation, definition)
        slow = self._slow.at(at) if told == RUNNING else None
        return (
            told,
            row.state,
            row.mode,
            row.fault_code,
            row.cause,
            kind,
            plan.shift_code if plan else "",
            code,
            stop.start if stop else None,
            size,
            said.reason_code if said else "",
            said.assertion_id if said else None,
            uncoded,
            bool(said and base == states.RUNNING),
            base,
            slow.lost if slow else None,
        )

    def _size(self, stop: StopRow) -> str:
        end = stop.end or max(self._known.horizon, stop.start)
        return size_of(end - stop.start, self._known.thresholds)

    def _asks_reason(self, stop: StopRow) -> bool:
        asks = self._asks.get(stop.start)
        if asks is None:
            known = self._known
            slots = None if known.slots is None else list(known.slots)
            asks = self._size(stop) == REGISTERED and needs_reason(
                stop, known.horizon, known.thresholds, slots
            )
            self._asks[stop.start] = asks
        return asks
