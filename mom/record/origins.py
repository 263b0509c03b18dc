"""Where the lost time of an order began: the line's losses by the machine and reason each started with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from mom.pages.origins import end_word, origin_word
from mom.pages.words import class_word
from mom.provenance.cause import Cause
from mom.record import timing
from mom.record.model import StopGroup
from plant.domain.quantities import round_parts
from production import selectors as production
from production.domain.account import Account, Segment
from production.domain.line.losses import LOST, LineLosses, LostPart
from production.domain.line.walk import MACHINE
from production.domain.oee import seconds as exact_seconds
from production.domain.sharing import INSTANT, SharedSegment
from production.domain.stops import stop_id
from production.domain.time_model import RUNNING_SLOW

if TYPE_CHECKING:
    from plant.models import Equipment

Key = tuple[str, str, str, str, bool]


def losses_of(machine: timing.Machine | None) -> LineLosses | None:
    """The line's losses while its pacing machine worked on the order; None where none can be attributed."""
    if machine is None or machine.account is None or machine.equipment.parent_id is None:
        return None
    told = machine.account
    found = production.line_losses(line_id=machine.equipment.parent_id, start=told.start, end=told.end)
    # Without a declared constraint the record speaks of the line's last machine, attribution of its slowest.
    return found.losses if found and found.paced_by.pk == machine.equipment.pk else None


def groups(
    told: Account, losses: LineLosses, reasons: Mapping[str, str], units: Mapping[str, Equipment]
) -> tuple[StopGroup, ...]:
    """Lost time by where it began, the dearest first; as shown they add up to the time lost in stops."""
    found: dict[Key, list[tuple[LostPart, timedelta]]] = {}
    for part, time in lost_inside(told, losses):
        key = part.cause.kind, part.cause.machine, part.reason_code, part.time_class, part.uncoded
        found.setdefault(key, []).append((part, time))
    exact = {key: sum((time for _part, time in same), timedelta()) for key, same in found.items()}
    slow = sum(
        part
        for (name, _r, waits, _m), part in timing.shown_parts(told).items()
        if name == RUNNING_SLOW and not waits
    )
    ordered = sorted(found, key=lambda key: (-exact[key], key))
    shown = round_parts([exact_seconds(exact[key]) for key in ordered])
    if shown:  # The record rounds each class of time once; what that moved is told of the largest.
        shown[0] += (timing.lost_seconds(told) or 0) - slow - sum(shown)
    rows = [
        _group(key, int(seconds), [part for part, _time in found[key]], reasons, units)
        for key, seconds in zip(ordered, shown, strict=True)
    ]
    return tuple(sorted(rows, key=lambda group: -group.seconds))


def lost_inside(told: Account, losses: LineLosses) -> Iterator[tuple[LostPart, timedelta]]:
    """What was lost in the account's own time, which an interruption of the order may have cut."""
    parts = iter(losses.parts)
    part = next(parts, None)
    for segment in told.segments:
        if not _counts(segment):
            continue
        while part is not None and part.end <= segment.start:
            part = next(parts, None)
        while part is not None and part.start < segment.end:
            yield part, _share(segment, min(part.end, segment.end) - max(part.start, segment.start))
            if part.end > segment.end:
                break
            part = next(parts, None)


def _share(segment: Segment, time: timedelta) -> timedelta:
    """The order's part of a time that others shared with it."""
    if not isinstance(segment, SharedSegment):
        return time
    whole = segment.end - segment.start
    return segment.part * (time // INSTANT) // (whole // INSTANT)


def _counts(segment: Segment) -> bool:
    """Halts too short to be stops are speed, which is no cause of its own."""
    return segment.time_class in LOST and (segment.time_class != RUNNING_SLOW or segment.uncoded)


def _group(
    key: Key, seconds: int, parts: list[LostPart], reasons: Mapping[str, str], units: Mapping[str, Equipment]
) -> StopGroup:
    kind, code, reason, time_class, uncoded = key
    what = reasons.get(reason) or class_word("uncoded" if uncoded else time_class)
    machine = units[code].name if kind == MACHINE and code in units else ""
    if not machine:
        what = what if reason else end_word(kind) or what
    stops = {(part.machine, part.segment.stop_start) for part in parts}
    return StopGroup(
        word=origin_word(machine, what),
        seconds=seconds,
        count=len(stops),
        evidence=_evidence(kind, code, uncoded, parts),
        machine=machine,
        cause=what,
        key=f"lost/?{urlencode(Cause(kind, code, reason, time_class, uncoded).query)}",
    )


def _evidence(kind: str, code: str, uncoded: bool, parts: list[LostPart]) -> str:
    """The one stop it came from, else the stops of the machine it began at."""
    causing = {
        (part.cause.part.machine, part.cause.part.segment.stop_start)
        for part in parts
        if part.cause.part and part.cause.part.segment and part.cause.part.segment.stop_start
    }
    if kind == MACHINE and len(causing) == 1:
        [(machine, start)] = causing
        assert start is not None
        return f"/stops/?{urlencode({'stop': stop_id(machine, start)})}"
    where = {"equipment": code or parts[0].machine} | ({"uncoded": "1"} if uncoded else {})
    return f"/stops/?{urlencode(where)}"
