"""One machine's samples, gaps and watermark folded into what it did.

A pure function of ordered samples: the same samples give the same rows, whatever order they arrived in,
however they were batched, and wherever the fold is interrupted and resumed. Nothing here reads a clock:
silence is known only up to the horizon the caller gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from operator import itemgetter
from typing import NamedTuple

from production.domain.counters import Counted, Counter, Number, reading
from production.domain.movement import NO_COUNT, Inactivity, Movement, Pace
from production.domain.states import EXECUTE, STOPPED, UNKNOWN, state_of
from production.domain.tracks import (
    FAULT,
    GAP,
    INACTIVE,
    MODE,
    SILENT,
    STATE,
    AlarmRow,
    AlarmTrack,
    Change,
    ChangeTrack,
    SpanRow,
    SpanTrack,
    alarm_of,
    fault_of,
    text_of,
)

# (source time, signal id, value, bad quality)
Sample = tuple[datetime, int, object, bool]
Handler = Callable[[datetime, object, bool], None]

SILENCE, IN_GAP, BAD_QUALITY, UNMAPPED, NO_VALUE = "silence", "gap", "quality", "unmapped", "no_value"
COUNTERS = {"good_count": "good", "scrap_count": "scrap", "rework_count": "rework", "total_count": "total"}
FOLDED = frozenset({"state", "mode", "fault_code", "alarm", "order", "tool", "lot", *COUNTERS})
PRODUCE = "produce"
NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Signal:
    """What the fold needs to know of a signal."""

    id: int
    role: str
    address: str = ""
    state_map: Mapping[str, str] = field(default_factory=dict)
    modulus: Number | None = None
    # The fastest believable rate of a counter.
    per_second: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """A machine and its signals. ``stale_after``: longest silence of them all that still means no change."""

    code: str
    signals: tuple[Signal, ...]
    stale_after: timedelta | None = None
    # For machines without a state signal: a counter silent for longer than this means stopped.
    counter_silence: timedelta = timedelta(seconds=60)
    # What one piece takes: subtracted from a stop seen only through a counter.
    cycle: timedelta = timedelta()
    # For machines that tell their state: standing so long while it says execute means stopped.
    no_count: timedelta | None = None
    # Limits and cycle of each order, where products differ; those above are the longest of them.
    paces: tuple[Pace, ...] = ()

    @property
    def by_counter(self) -> bool:
        """Whether its state can only be told from its counters moving."""
        roles = {signal.role for signal in self.signals}
        return "state" not in roles and bool(roles & {"good_count", "total_count"})

    @property
    def counts_pieces(self) -> bool:
        """Whether a counter that stands belies its state."""
        return self.no_count is not None and any(signal.role in COUNTERS for signal in self.signals)

    @property
    def follows_counter(self) -> bool:
        """Whether what it did is known only once its counter has, or has not, moved on."""
        return self.by_counter or self.counts_pieces

    @property
    def has_state(self) -> bool:
        """Whether anything tells its state at all."""
        return self.by_counter or any(signal.role == "state" for signal in self.signals)

    @property
    def lookback(self) -> timedelta:
        """How far before a late sample rows can change: a stop seen through silence begins before it is
        known.
        """
        if not self.follows_counter:
            return timedelta()
        limit = self.counter_silence if self.by_counter or self.no_count is None else self.no_count
        return max(limit, self.cycle) + timedelta(microseconds=1)


class StateRow(NamedTuple):
    start: datetime
    end: datetime | None
    state: str
    mode: str
    fault_code: str
    cause: str


class Gap(NamedTuple):
    """A time for which a source's data are known to be lost; ``end`` None: still open."""

    start: datetime
    end: datetime | None


@dataclass(slots=True)
class Open:
    """Where a fold begins: the rows going on, and the last sample of each signal, just before ``at``."""

    at: datetime
    state: StateRow | None = None
    spans: tuple[SpanRow, ...] = ()
    alarms: tuple[AlarmRow, ...] = ()
    # signal → (source time, value, bad quality)
    last: Mapping[int, tuple[datetime, object, bool]] = field(default_factory=dict)
    # counter → (source time, value) of its last good sample, where that is not the last one
    last_good: Mapping[int, tuple[datetime, object]] = field(default_factory=dict)
    # counter → (bucket start, pieces so far), when a bucket is continued
    buckets: Mapping[int, tuple[datetime, Number]] = field(default_factory=dict)
    # for machines told by their counter: its last move within the lookback, and whether it ever moved
    last_move: datetime | None = None
    moved: bool = False
    # for machines whose counter is watched: since when their rows say execute without a break
    run_since: datetime | None = None


def ordered(samples: Iterable[tuple[datetime, datetime, int, int, object, bool]]) -> list[Sample]:
    """Samples by (source time, server time, source key), each once: what the fold expects.

    Takes (source time, server time, source key, signal, value, bad).
    """
    unique = {(at, server, key, signal): (value, bad) for at, server, key, signal, value, bad in samples}
    in_order = sorted(unique.items(), key=itemgetter(0))
    return [(at, signal, value, bad) for (at, _, _, signal), (value, bad) in in_order]


class Fold:
    """Samples in, rows out: ``feed`` a window's samples, then ``advance`` to its end; ``close`` at the
    horizon.
    """

    def __init__(self, unit: Unit, opened: Open, gaps: Iterable[Gap] = ()) -> None:
        self.unit = unit
        self.gaps = sorted((gap.start, gap.end or NEVER) for gap in gaps)
        self.last: dict[int, datetime] = {}
        self.last_at = max((at for at, _, _ in opened.last.values()), default=None)
        self.counters: list[Counter] = []
        self.spans: list[SpanTrack] = []
        self.alarms: list[AlarmTrack] = []
        self._events: list[Change] = []
        self._handlers: dict[int, Handler] = {}
        self._sweep = Sweep(opened)
        self._movement = Movement(unit, opened, self._events) if unit.by_counter else None
        if self._movement is not None and opened.moved:
            self._sweep.take(STATE, (EXECUTE if self._movement.running else STOPPED, ""))
        self._silent = False
        self._begin(opened)
        self._inactivity = self._watch(opened)

    @property
    def states(self) -> list[StateRow]:
        """State rows ended so far."""
        return self._sweep.rows

    @property
    def row(self) -> StateRow | None:
        """The state row going on."""
        return self._sweep.row

    @property
    def counted(self) -> list[Counted]:
        return [row for counter in self.counters for row in counter.rows]

    def _begin(self, opened: Open) -> None:
        for signal in self.unit.signals:
            handlers = self._handlers_of(signal, opened)
            if handlers:
                self._handlers[signal.id] = handlers[0] if len(handlers) == 1 else _both(*handlers)
        for start, end in self.gaps:
            if start < opened.at <= end:
                self._sweep.depth += 1
        for start, end in self.gaps:
            if start >= opened.at:
                self._events.append((start, GAP, 1))
            if opened.at <= end < NEVER:
                self._events.append((end, GAP, -1))
        if self.last_at is not None and self.unit.stale_after is not None:
            self._silent = self._sweep.silent = self.last_at + self.unit.stale_after < opened.at
        if opened.state is None and self.last_at is not None:
            self._sweep.began = opened.at
            self._events.append((opened.at, SILENT, self._silent))

    def _watch(self, opened: Open) -> Inactivity | None:
        if self.unit.by_counter or self.unit.no_count is None or not self.unit.counts_pieces:
            return None
        sweep, now = self._sweep, (self._sweep.values[STATE], self._sweep.silent, self._sweep.depth)
        watch = Inactivity(self.unit, opened, now, self._events)
        sweep.inactive = watch.inactive
        return watch

    def _handlers_of(self, signal: Signal, opened: Open) -> list[Handler]:
        if signal.role in COUNTERS:
            return [self._counter(signal, opened)]
        if signal.role in ("order", "tool", "lot"):
            span = SpanTrack(signal.id)
            span.resume(opened.spans)
            self.spans.append(span)
            return [span.add]
        handlers: list[Handler] = []
        if signal.role in ("state", "mode", "fault_code"):
            handlers.append(self._change(signal, opened))
        if signal.role in ("alarm", "fault_code"):
            alarm = AlarmTrack(signal.id, signal.address, alarm_of if signal.role == "alarm" else fault_of)
            alarm.resume(opened.alarms)
            self.alarms.append(alarm)
            handlers.append(alarm.add)
        return handlers

    def _change(self, signal: Signal, opened: Open) -> Handler:
        name, read = {
            "state": (STATE, _state_reader(signal.state_map)),
            "mode": (MODE, _read_mode),
            "fault_code": (FAULT, _read_fault),
        }[signal.role]
        track = ChangeTrack(name, read, self._events)
        if seed := opened.last.get(signal.id):
            self._sweep.take(name, track.seed(seed[1], seed[2]))
        return track.add

    def _counter(self, signal: Signal, opened: Open) -> Handler:
        kind = COUNTERS[signal.role]
        counter = Counter(signal.id, kind, modulus=signal.modulus, per_second=signal.per_second)
        self.counters.append(counter)
        seed = opened.last.get(signal.id)
        good = opened.last_good.get(signal.id) or ((seed[0], seed[1]) if seed and not seed[2] else None)
        if good is not None:
            counter.resume(reading(good[1]), good[0], *opened.buckets.get(signal.id, (None, 0)))
        add, gaps = counter.add, self.gaps

        def take(at: datetime, value: object, bad: bool) -> None:
            if not bad:
                add(at, value, gaps)

        return take

    def feed(self, samples: Sequence[Sample]) -> None:
        """Take samples in order; none may be older than what was advanced to before."""
        if samples and self.last_at is None:
            self._sweep.began = samples[0][0]
            self._events.append((samples[0][0], SILENT, False))
        handlers, last, stale = self._handlers, self.last, self.unit.stale_after
        last_at = self.last_at or (samples[0][0] if samples else None)
        deadline = NEVER if stale is None or last_at is None else last_at + stale
        at = last_at
        for at, signal, value, bad in samples:
            if at > deadline:
                self._end_silence(deadline, at)
            if stale is not None:
                deadline = at + stale
            last[signal] = at
            handler = handlers.get(signal)
            if handler is not None:
                handler(at, value, bad)
        self.last_at = at

    def _end_silence(self, deadline: datetime, at: datetime) -> None:
        if not self._silent:
            self._events.append((deadline, SILENT, True))
        self._silent = False
        self._events.append((at, SILENT, False))

    def advance(self, to: datetime, *, final: bool = False) -> None:
        """Fold everything before ``to``; with ``final``, everything up to and including it."""
        stale = self.unit.stale_after
        if stale is not None and self.last_at is not None and not self._silent and self.last_at + stale < to:
            self._silent = True
            self._events.append((self.last_at + stale, SILENT, True))
        swept_to = to
        if self.unit.follows_counter:
            moves = [at for counter in self.counters for at in counter.moved]
            if self._movement is not None:
                self._movement.take(moves, to)
            elif self._inactivity is not None:
                self._inactivity.take(moves, to, final=final)
            swept_to = to if final else to - self.unit.lookback
        for counter in self.counters:
            counter.moved.clear()
        self._sweep.run(self._events, swept_to, final=final)

    def close(self, horizon: datetime) -> None:
        """Fold to the horizon: silence up to it is known, nothing after it is."""
        self.advance(horizon, final=True)
        for counter in self.counters:
            counter.flush()


def _both(first: Handler, second: Handler) -> Handler:
    def take(at: datetime, value: object, bad: bool) -> None:
        first(at, value, bad)
        second(at, value, bad)

    return take


def _state_reader(state_map: Mapping[str, str]) -> Callable[[object, bool], object]:
    def read(value: object, bad: bool) -> tuple[str, str]:
        if bad:
            return UNKNOWN, BAD_QUALITY
        state = state_of(value, state_map)
        return (state, "") if state else (UNKNOWN, UNMAPPED)

    return read


def _read_mode(value: object, bad: bool) -> str:
    return PRODUCE if bad else text_of(value).lower() or PRODUCE


def _read_fault(value: object, bad: bool) -> str:
    return "" if bad else text_of(value)


class Sweep:
    """Joins changes of state, mode and fault with silences and gaps into rows that touch and never
    overlap.
    """

    def __init__(self, opened: Open) -> None:
        self.rows: list[StateRow] = []
        self.row = opened.state
        self.began = opened.state.start if opened.state else None
        self.values: dict[str, object] = {STATE: (UNKNOWN, NO_VALUE), MODE: PRODUCE, FAULT: ""}
        self.silent = False
        self.depth = 0
        self.inactive = False

    def take(self, name: str, value: object) -> None:
        if name == SILENT:
            self.silent = bool(value)
        elif name == GAP:
            self.depth += value  # type: ignore[operator]
        elif name == INACTIVE:
            self.inactive = bool(value)
        else:
            self.values[name] = value

    def run(self, events: list[Change], to: datetime, *, final: bool) -> None:
        """Take every event before ``to`` (up to it, if final) and leave the later ones in the list."""
        events.sort(key=itemgetter(0))
        taken, last = 0, len(events)
        while taken < last and (events[taken][0] < to or (final and events[taken][0] == to)):
            at = events[taken][0]
            while taken < last and events[taken][0] == at:
                self.take(events[taken][1], events[taken][2])
                taken += 1
            if self.began is not None and at >= (self.row.start if self.row else self.began):
                self._emit(at)
        del events[:taken]

    def _emit(self, at: datetime) -> None:
        now = self._now(at)
        row = self.row
        if row is None:
            self.row = now
        elif row[2:] != now[2:]:
            if row.start < at:
                self.rows.append(row._replace(end=at))
            self.row = now

    def _now(self, at: datetime) -> StateRow:
        state, cause = self.values[STATE]  # type: ignore[misc]
        if self.silent:
            state, cause = UNKNOWN, SILENCE
        elif self.depth > 0:
            state, cause = UNKNOWN, IN_GAP
        elif self.inactive and state == EXECUTE:
            state, cause = STOPPED, NO_COUNT
        # A fault is not known to last while the state is unknown.
        fault = "" if state == UNKNOWN else str(self.values[FAULT])
        return StateRow(at, None, state, str(self.values[MODE]), fault, cause)
