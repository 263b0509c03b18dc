"""Every piece a line could have made in a window and did not, as causes that add up exactly.

Possible output is required time (TR of NF E60-182, and time without data in it) at the ideal rate of what was
being made. What the constraint's standstills cost is their time at that rate; what it made less than its
running time allows is speed; what it let through and the line's exit did not count is rejects and what is
still in the line. Nothing is estimated: time without an ideal rate or a counter is left out and said.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

from plant.domain.calendar import SHIFT
from production.domain.account import Segment
from production.domain.time_model import RUNNING, RUNNING_SLOW, SETUP, STANDARDS, UNKNOWN

REQUIRED = STANDARDS["NF E60-182"]["TR"]
RUN = frozenset({RUNNING, RUNNING_SLOW})
# Causes that are no class of time.
SPEED, REJECTS, IN_LINE, NOT_KNOWN, UNCODED = "speed", "rejects", "in_line", "not_known", "uncoded"
# Rejects of the time after a start, a changeover or a long stop, where the plant said how long that lasts.
START_UP = "start_up_rejects"
# Good pieces of time without an ideal rate: made all the same, and part of no possible output.
UNRATED = "unrated"
SETUP_WITHIN, SETUP_OVER, SETUP_SEQUENCE = "setup_within", "setup_over", "setup_sequence"
# What a bit of a cause is: time at the ideal rate (a standstill, running, without data, all required time),
# or pieces counted (through the constraint, at the exit, rejected, rejected while starting up).
STOOD, RAN, DARK, ALLOWED = "stood", "ran", "dark", "allowed"
TOTAL, GOOD, SCRAP, STARTING = "total", "good", "scrap", "starting"
BITS = (STOOD, RAN, DARK, ALLOWED, TOTAL, GOOD, SCRAP, STARTING)
NOTHING = Fraction(0)
MICROSECOND = timedelta(microseconds=1)


class Part(NamedTuple):
    """One order's time. ``rate``: ideal pieces per hour. ``total``: through the constraint; ``good``: counted
    at the line's exit; ``scrap``: rejected from the constraint on, ``start_up`` of them while starting up;
    ``each``: what a piece brings in. None where nothing tells.
    """

    start: datetime
    end: datetime
    order_code: str
    good: Decimal | None
    total: Decimal | None
    scrap: Decimal | None
    rate: Decimal | None
    each: Decimal | None = None
    start_up: Decimal | None = None


class Changeover(NamedTuple):
    """One order gives way to another. ``standard`` None: nobody declared one. ``resequenced``: the plan of
    the morning had another order here.
    """

    at: datetime
    from_order: str
    to_order: str
    standard: timedelta | None
    resequenced: bool


class Lost(NamedTuple):
    """Time of the constraint that was lost, as its account tells it: the evidence of a cause."""

    start: datetime
    end: datetime
    order_code: str
    kind: str
    reason_code: str
    stop_start: datetime | None
    assertion_id: int | None = None
    machine: str = ""
    origin: str = ""

    @property
    def duration(self) -> timedelta:
        return self.end - self.start


class Charge(NamedTuple):
    """What a part of the constraint's lost time came from, by the first-fault walk.

    ``machine``: where it began, empty for the constraint itself or where none is to blame; ``origin``: the
    kind of answer, such as no material at the line's entry. ``stop_start``: of the causing stop.
    """

    start: datetime
    end: datetime
    kind: str
    reason_code: str
    machine: str
    origin: str
    stop_start: datetime | None


class Bit(NamedTuple):
    """Pieces a cause is the sum of, of one order's time. ``what``: one of BITS; ``event``: the standstill."""

    what: str
    part: Part
    pieces: Fraction
    event: Lost | None = None

    @property
    def money(self) -> Fraction | None:
        return None if self.part.each is None else self.pieces * Fraction(self.part.each)


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause, in pieces (an exact fraction), time and contribution not made. ``duration`` None for what is
    no standstill; ``money`` None where nobody said what a piece of it brings. ``bits`` add up to ``pieces``.
    """

    kind: str
    reason_code: str
    machine: str
    origin: str
    pieces: Fraction
    duration: timedelta | None
    events: tuple[Lost, ...]
    money: Fraction | None = None
    bits: tuple[Bit, ...] = ()

    @property
    def count(self) -> int:
        """Stops, counted once however they are cut."""
        return len({event.stop_start for event in self.events if event.stop_start})


@dataclass(frozen=True, slots=True)
class Missing:
    """``possible`` − ``good`` = Σ causes, exactly. ``unrated`` and ``uncounted``: required time that is in
    none of them. ``allowed``: what ``possible`` is the sum of.
    """

    possible: Fraction
    good: Fraction
    causes: tuple[Cause, ...]
    unrated: timedelta
    uncounted: timedelta
    allowed: tuple[Bit, ...] = ()

    @property
    def difference(self) -> Fraction:
        """Pieces no cause explains: zero, or the account is wrong."""
        return self.possible - self.good - sum((cause.pieces for cause in self.causes), NOTHING)


def missing(
    segments: Iterable[Segment],
    parts: Sequence[Part],
    changeovers: Sequence[Changeover] = (),
    charges: Sequence[Charge] = (),
) -> Missing:
    """The account of ``segments`` told in pieces. ``parts`` lie end to end; a segment may span several.

    ``charges``: disjoint, by start; they say what lost time came from, and never how much of it there is.
    """
    tally = _Tally()
    lost = list(_within_standard(_charged(_required(segments, parts), charges), changeovers))
    for part in parts:
        tally.add(part, [item for item in lost if part.start <= item.start < part.end])
    return tally.told()


def _required(segments: Iterable[Segment], parts: Sequence[Part]) -> list[Lost]:
    """Required time cut at the parts; running time included, under its own class."""
    found = []
    ordered = list(segments)
    for part in parts:
        for segment in ordered:
            start, end = max(segment.start, part.start), min(segment.end, part.end)
            if start < end and _is_required(segment):
                kind, reason = (UNCODED, "") if segment.uncoded else (segment.time_class, segment.reason_code)
                about = segment.stop_start, segment.assertion_id
                found.append(Lost(start, end, part.order_code, kind, reason, *about))
    return found


def _is_required(segment: Segment) -> bool:
    known = segment.time_class in REQUIRED
    return known or (segment.time_class == UNKNOWN and segment.planned == SHIFT)


def _charged(lost: Iterable[Lost], charges: Sequence[Charge]) -> Iterable[Lost]:
    """Lost time cut where what it came from changes; running time and time without data stay as they are."""
    ends = [charge.end for charge in charges]
    for item in lost:
        at = item.start
        if item.kind not in RUN and item.kind != UNKNOWN:
            for charge in charges[bisect_right(ends, item.start) :]:
                if charge.start >= item.end:
                    break
                start, end = max(charge.start, at), min(charge.end, item.end)
                if at < start:
                    yield item._replace(start=at, end=start)
                yield _from_there(item._replace(start=start, end=end), charge)
                at = end
        if at < item.end:
            yield item._replace(start=at)


def _from_there(item: Lost, charge: Charge) -> Lost:
    there = bool(charge.machine)
    return item._replace(
        kind=charge.kind,
        reason_code=charge.reason_code,
        machine=charge.machine,
        origin=charge.origin,
        stop_start=charge.stop_start or item.stop_start,
        # Who spoke spoke of the constraint; where it began, its own page says who.
        assertion_id=None if there else item.assertion_id,
    )


def _within_standard(lost: Iterable[Lost], changeovers: Sequence[Changeover]) -> Iterable[Lost]:
    """Changeover time split into what its standard allows and what goes over it.

    Each piece belongs to the nearest change of order; without a standard all of it is over.
    """
    left = {change: change.standard or timedelta() for change in changeovers}
    for item in lost:
        if item.kind != SETUP:
            yield item
            continue
        change = min(changeovers, key=lambda c: abs(c.at - item.start), default=None)
        if change is not None and change.resequenced:
            yield item._replace(kind=SETUP_SEQUENCE)
            continue
        allowed = min(left[change], item.duration) if change else timedelta()
        if change:
            left[change] -= allowed
        if allowed:
            yield item._replace(kind=SETUP_WITHIN, end=item.start + allowed)
        if allowed < item.duration:
            yield item._replace(kind=SETUP_OVER, start=item.start + allowed)


# Kind, reason, machine, origin.
Key = tuple[str, str, str, str]


def _key(item: Lost) -> Key:
    return item.kind, item.reason_code, item.machine, item.origin


def _bare(kind: str) -> Key:
    return kind, "", "", ""


@dataclass(slots=True)
class _Tally:
    good: Fraction = NOTHING
    unrated: timedelta = timedelta()
    uncounted: timedelta = timedelta()
    allowed: list[Bit] = field(default_factory=list)
    bits: dict[Key, list[Bit]] = field(default_factory=dict)
    dark: list[Lost] = field(default_factory=list)

    def add(self, part: Part, lost: Sequence[Lost]) -> None:
        required = _time(lost)
        if part.rate is None and required:
            self.unrated += required
            if part.good is not None:
                self.good += Fraction(part.good)
                self._count(_bare(UNRATED), Bit(GOOD, part, -Fraction(part.good)))
            return
        if part.good is None:
            self.uncounted += required
            return
        per_microsecond = Fraction(part.rate or 0) / 3_600_000_000
        ran = unknown = allowed = NOTHING
        for item in lost:
            at_rate = per_microsecond * (item.duration // MICROSECOND)
            allowed += at_rate
            if item.kind in RUN:
                ran += at_rate
            elif item.kind == UNKNOWN:
                unknown += at_rate
                self.dark.append(item)
            else:
                self.bits.setdefault(_key(item), []).append(Bit(STOOD, part, at_rate, item))
        self.allowed.append(Bit(ALLOWED, part, allowed))
        self._made(part, Fraction(part.good), ran, unknown)

    def _made(self, part: Part, good: Fraction, ran: Fraction, unknown: Fraction) -> None:
        """What the running time, and the time without data, did not bring."""
        self.good += good
        scrap = Fraction(part.scrap or 0)
        total = good + scrap if part.total is None else Fraction(part.total)
        short = ran + unknown - total
        dark = min(max(short, NOTHING), unknown)
        starting = min(Fraction(part.start_up or 0), scrap)
        self._count(_bare(NOT_KNOWN), Bit(DARK, part, dark))
        at_rate = Bit(RAN, part, ran), Bit(DARK, part, unknown - dark)
        self._count(_bare(SPEED), *at_rate, Bit(TOTAL, part, -total))
        self._count(_bare(START_UP), Bit(STARTING, part, starting))
        self._count(_bare(REJECTS), Bit(SCRAP, part, scrap), Bit(STARTING, part, -starting))
        self._count(_bare(IN_LINE), Bit(TOTAL, part, total), Bit(GOOD, part, -good), Bit(SCRAP, part, -scrap))

    def _count(self, key: Key, *bits: Bit) -> None:
        """What comes to nothing in a part is no cause of it."""
        if sum((bit.pieces for bit in bits), NOTHING):
            self.bits.setdefault(key, []).extend(bit for bit in bits if bit.pieces)

    def told(self) -> Missing:
        causes = [self._cause(key, bits) for key, bits in self.bits.items()]
        causes.sort(key=lambda cause: (-cause.pieces, cause.kind, cause.reason_code, cause.machine))
        possible = sum((bit.pieces for bit in self.allowed), NOTHING)
        return Missing(possible, self.good, tuple(causes), self.unrated, self.uncounted, tuple(self.allowed))

    def _cause(self, key: Key, bits: Sequence[Bit]) -> Cause:
        events = tuple(bit.event for bit in bits if bit.event)
        if key == _bare(NOT_KNOWN):
            events = tuple(self.dark)
        money = [bit.money for bit in bits]
        return Cause(
            *key,
            sum((bit.pieces for bit in bits), NOTHING),
            _time(events) if events else None,
            events,
            None if None in money else sum((one for one in money if one is not None), NOTHING),
            tuple(bits),
        )


def _time(lost: Iterable[Lost]) -> timedelta:
    return sum((item.duration for item in lost), timedelta())
