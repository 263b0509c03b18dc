"""Accounts of machines as the record shows them: lanes, the split of the constraint, its losses by cause."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from mom.pages.losses import LOST, UNCODED, Loss, Losses, losses
from mom.pages.words import class_word, joined, labelled
from mom.record.model import Lane, Slice, StopGroup, TimeRow, TimeSplit
from plant.domain.intervals import Interval
from plant.domain.quantities import ratio, round_parts
from production.domain.account import Account, Segment
from production.domain.stops import MICRO, REGISTERED, stop_id
from production.domain.time_model import CLASSES, MICRO_STOP, RUNNING, RUNNING_SLOW, UNKNOWN
from production.selectors.line_topology import line_groups
from production.selectors.pacing import group_of, pacing_account, together
from production.selectors.sharing import Shared, order_share

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.selectors import JobResponse

# What a machine off the constraint suffers from others or does by plan: summed per machine, not listed.
FOLDED = frozenset({"starved", "blocked", "suspended", "break", "meeting", "closed", "no_load"})
# The machine ran or data are missing: no list of stops to open, the lane itself is the evidence.
IN_LANE = frozenset({RUNNING, RUNNING_SLOW, UNKNOWN})


@dataclass(frozen=True, slots=True)
class Worked(Account):
    """An account of the working times of an order: an interruption between them belongs to nobody here."""

    worked: timedelta = timedelta()

    @property
    def span(self) -> timedelta:
        return self.worked


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine and its account of the order's span; None where nothing was ever received from it.

    ``beside``: the machines that do its step side by side with it, whose time is one account; ``shared``: how
    the order shares its time with others.
    """

    equipment: Equipment
    account: Account | None
    beside: tuple[Equipment, ...] = ()
    shared: Shared | None = None


def machines(response: JobResponse) -> list[Machine]:
    """Each machine with its account of the times the order was worked on; unknown after its last data."""
    if response.start is None or response.end is None or response.end <= response.start:
        return []
    parts = _working(response)
    return [Machine(part.equipment, worked_account(part.account, parts)) for part in response.machines]


def _working(response: JobResponse) -> list[Interval]:
    """The times an order was worked on, as far as they are over."""
    end = response.end
    assert end is not None
    return [
        Interval(work.start, work.end or end)
        for work in response.execution.working
        if (work.end or end) > work.start
    ]


def paced(response: JobResponse, machines: Sequence[Machine]) -> Machine | None:
    """What the record splits the time of: the declared constraint, else the line's last machine.

    One that does its step beside others speaks for the group, and its time is theirs as one account. Where
    several orders ran on it at once, each second of it is shared among them.
    """
    if not machines:
        return None
    wanted = response.paced_by
    alone = next((m for m in machines if wanted and m.equipment.pk == wanted.pk), machines[-1])
    units = [part.equipment for part in response.machines]
    group = group_of(line_groups(line_id=response.job_order.line_id, units=units), alone.equipment)
    beside = together(units, group, alone.equipment)
    if group is not None and len(beside) > 1:
        told = {part.equipment.pk: part.account for part in response.machines if part.account is not None}
        whole = pacing_account(alone.equipment, group, beside, told)
        return replace(alone, account=worked_account(whole, _working(response)), beside=beside)
    if alone.account is None:
        return alone
    share = order_share(
        equipment=alone.equipment, segments=alone.account.segments, code=response.job_order.code
    )
    if share is None:
        return alone
    time = sum((segment.duration for segment in share.segments), timedelta())
    account = Worked(alone.account.start, alone.account.end, share.segments, time)
    return replace(alone, account=account, shared=share)


def worked_account(told: Account | None, parts: Sequence[Interval]) -> Account | None:
    """None when nothing at all is known of any part."""
    if told is None or not parts:
        return None
    segments: list[Segment] = []
    for part in parts:
        assert part.end is not None
        segments += _clipped(told, part)
        at = segments[-1].end if segments and segments[-1].end > part.start else part.start
        if at < part.end:
            segments.append(Segment(at, part.end, UNKNOWN, UNKNOWN, cause="horizon"))
    if all(segment.time_class == UNKNOWN for segment in segments):
        return None
    worked = sum((part.duration or timedelta() for part in parts), timedelta())
    last = parts[-1].end
    assert last is not None
    return Worked(parts[0].start, last, tuple(segments), worked)


def _clipped(told: Account, part: Interval) -> list[Segment]:
    """Segments are disjoint and in order: all but the first and last reached lie whole in the part."""
    assert part.end is not None
    return [
        segment
        if part.start <= segment.start and segment.end <= part.end
        else replace(segment, start=max(segment.start, part.start), end=min(segment.end, part.end))
        for segment in told.segments
        if segment.start < part.end and part.start < segment.end
    ]


def exact_seconds(time: timedelta) -> Decimal:
    return Decimal(time // timedelta(microseconds=1)) / 1_000_000


def whole_seconds(times: Sequence[timedelta]) -> list[int]:
    """Seconds to show, rounded so that they still add up to the rounded sum."""
    return [int(part) for part in round_parts([exact_seconds(time) for time in times])]


# A part of an account that is shown by itself: class, reason, waits for a reason, micro-stop.
Part = tuple[str, str, bool, bool]


def shown_classes(told: Account) -> dict[str, int]:
    """Seconds of each class as shown, in the model's order: they add up to the span as shown."""
    times = told.durations
    named = {name: times[name] for name in CLASSES if name in times}
    return dict(zip(named, whole_seconds(list(named.values())), strict=True))


def shown_parts(told: Account) -> dict[Part, int]:
    """Seconds of each part as shown: those of a class add up to the class as shown.

    Every figure of a record is a sum of these, so no two sections round one time differently.
    """
    exact: dict[str, dict[Part, timedelta]] = {}
    for segment in told.segments:
        part = (segment.time_class, segment.reason_code, segment.uncoded, segment.stop_size == MICRO)
        parts = exact.setdefault(segment.time_class, {})
        parts[part] = parts.get(part, timedelta()) + segment.duration
    found: dict[Part, int] = {}
    for name, seconds in shown_classes(told).items():
        parts = dict(sorted(exact[name].items()))
        rounded = round_parts([exact_seconds(time) for time in parts.values()], whole=Decimal(seconds))
        found |= zip(parts, map(int, rounded), strict=True)
    return found


def lane(machine: Machine, reasons: Mapping[str, str]) -> Lane:
    """One machine from start to end of the order; every piece a link to its stop."""
    unit, told = machine.equipment, machine.account
    here = f"#lane-{unit.code}"
    segments = () if told is None else told.segments
    # Words are looked up once per lane: an order may have thousands of slices.
    words = {name: class_word(name) for name in CLASSES}
    slices = tuple(_slice(segment, unit, reasons, words) for segment in _joined(segments))
    seconds = {} if told is None else shown_classes(told)
    running, missing = seconds.get(RUNNING, 0) + seconds.get(RUNNING_SLOW, 0), seconds.get(UNKNOWN, 0)
    return Lane(unit.code, unit.name, unit.is_constraint, slices, running, missing, here)


def _joined(segments: Iterable[Segment]) -> list[Segment]:
    """Neighbours that look alike drawn as one; fault codes inside a stop are in the stop's row."""
    found: list[Segment] = []
    for segment in segments:
        last = found[-1] if found else None
        if last is not None and last.end == segment.start and _look(last) == _look(segment):
            found[-1] = replace(last, end=segment.end)
        else:
            found.append(segment)
    return found


def _look(segment: Segment) -> tuple[object, ...]:
    return segment.time_class, segment.state, segment.stop_start, segment.reason_code, segment.uncoded


def _slice(segment: Segment, unit: Equipment, reasons: Mapping[str, str], words: Mapping[str, str]) -> Slice:
    word = reasons.get(segment.reason_code) or words[segment.time_class]
    evidence = f"#lane-{unit.code}"
    if segment.stop_start and segment.time_class in FOLDED and not unit.is_constraint:
        evidence = f"/stops/?stop={stop_id(unit.code, segment.stop_start)}"
    elif segment.stop_start:
        evidence = f"#{stop_anchor(unit.code, segment)}"
    return Slice(segment.start, segment.end, segment.state, segment.time_class, word, evidence)


def stop_anchor(code: str, segment: Segment) -> str:
    """Address of a stop on the page: micro-stops are listed as a group."""
    if segment.stop_size != REGISTERED:
        return f"micro-{code}"
    assert segment.stop_start is not None
    return f"stop-{code}-{segment.stop_start:%Y%m%dT%H%M%S}"


def _evidence(name: str, code: str, listed: Collection[str]) -> str:
    """Where the stops of a class are listed on the page; else the stops of the machine."""
    if name in IN_LANE:
        return f"#lane-{code}"
    if name in listed:
        return f"#stops-{name}"
    if name == UNCODED:
        return f"/stops/?{urlencode({'equipment': code, 'uncoded': '1'})}"
    return f"#micro-{code}" if name == MICRO_STOP else f"/stops/?{urlencode({'equipment': code})}"


def split(
    machine: Machine, *, is_declared: bool, listed: Collection[str], is_attributed: bool = False
) -> TimeSplit | None:
    """The span on one machine by class of time; rows as shown add up to the span as shown.

    ``listed``: the classes whose stops the page lists one by one.
    """
    told = machine.account
    if told is None:
        return None
    unit = machine.equipment
    seconds = shown_classes(told)
    counts = _stop_counts(told)
    rows = tuple(
        TimeRow(
            time_class=name,
            word=class_word(name),
            seconds=shown,
            share=ratio(exact_seconds(told.durations[name]), exact_seconds(told.span)),
            count=counts.get(name),
            evidence=_evidence(name, unit.code, listed),
        )
        for name, shown in seconds.items()
    )
    span = round(exact_seconds(told.span))
    unexplained = round(exact_seconds(told.unexplained))
    total = sum(seconds.values())
    return TimeSplit(
        unit.code,
        " + ".join(one.name for one in machine.beside) or unit.name,
        is_declared,
        is_attributed,
        rows,
        span,
        total,
        unexplained,
        rule=_rule(machine),
    )


def _rule(machine: Machine) -> str:
    """Which rule is in force where the machine's time is not one order's alone; empty where it is."""
    if machine.beside:
        names = ", ".join(one.name for one in machine.beside)
        text = _(
            "%(machines)s do this step side by side: their time is one account, run while enough of them do"
        )
        return text % {"machines": names}
    if machine.shared is None:
        return ""
    others, weights = machine.shared.others, machine.shared.weights
    words = ", ".join(labelled(code, weight) for code, weight in sorted(weights.items()))
    text = _(
        "Its seconds are counted once: while others ran beside it (%(others)s) they are shared by weight"
    )
    rule = text % {"others": ", ".join(others)}
    return labelled(rule, words) if words else joined((rule, _("all the same")))


def _stop_counts(told: Account) -> dict[str, int]:
    starts: dict[str, set[object]] = {}
    for segment in told.segments:
        if segment.stop_start is not None:
            starts.setdefault(segment.time_class, set()).add(segment.stop_start)
    return {name: len(found) for name, found in starts.items()}


def lost_seconds(told: Account | None) -> int | None:
    """Time the machine was meant to run in and did not run at speed; None when nothing at all is known."""
    if told is None or not has_data(told):
        return None
    return sum(seconds for name, seconds in shown_classes(told).items() if name in LOST)


def has_data(told: Account) -> bool:
    return any(segment.time_class not in (UNKNOWN, "closed") for segment in told.segments)


def groups(
    paced: Machine | None, reasons: Mapping[str, str], *, listed: Collection[str]
) -> tuple[StopGroup, ...]:
    """Losses by reason, the dearest first; by class where none was said, all that wait for one together."""
    if paced is None or paced.account is None:
        return ()
    told, machine = paced.account, paced.equipment.code
    found: Losses = losses(told, units_per_hour=None)
    seconds: dict[tuple[str, str, bool], int] = {}
    for (name, reason, waits, _micro), part in shown_parts(told).items():
        key = (UNCODED, "", True) if waits else (name, reason, False)
        seconds[key] = seconds.get(key, 0) + (part if name in LOST else 0)
    merged: dict[str, StopGroup] = {}
    for row in found.rows:
        if row.time_class == RUNNING_SLOW:
            continue
        shown = seconds[row.time_class, row.reason_code, row.uncoded]
        word = reasons.get(row.reason_code) or class_word("uncoded" if row.uncoded else row.time_class)
        evidence = _evidence(row.time_class, machine, listed)
        earlier = merged.get(word)
        count, total = (
            (row.count, shown) if earlier is None else (row.count + earlier.count, shown + earlier.seconds)
        )
        merged[word] = StopGroup(word, total, count, earlier.evidence if earlier else evidence, key=_key(row))
    return tuple(sorted(merged.values(), key=lambda group: -group.seconds))


def _key(row: Loss) -> str:
    """Address of the times a group without a known origin is the sum of."""
    asked = {"class": row.time_class}
    if row.uncoded or row.reason_code:
        asked = {"uncoded": "1"} if row.uncoded else {"reason": row.reason_code}
    return f"time/?{urlencode(asked)}"


def micro(told: Account | None, code: str) -> StopGroup | None:
    """All micro-stops of the machine as one line; None when there was none."""
    if told is None:
        return None
    found = [
        segment
        for segment in told.segments
        if segment.stop_size == MICRO and (segment.time_class == MICRO_STOP or segment.reason_code)
    ]
    if not found:
        return None
    total = sum(
        part
        for (name, reason, _waits, is_micro), part in shown_parts(told).items()
        if is_micro and (name == MICRO_STOP or reason)
    )
    count = len({segment.stop_start for segment in found})
    return StopGroup(class_word(MICRO_STOP), total, count, f"#micro-{code}")
