"""A changeover split (SMED): what was done while the line stood, what before or after; and its phases.

As far as the data tell, and no further. Standard library only.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from production.domain.account import Segment
from production.domain.time_model import PAUSES, RUNNING, RUNNING_SLOW

RUN = frozenset({RUNNING, RUNNING_SLOW})
# At rate: so long at speed without a break. Shorter bursts are still adjustment.
AT_RATE = timedelta(minutes=2)
Span = tuple[datetime, datetime]


class Tick(NamedTuple):
    """A step somebody ticked. ``start`` None: nobody said when it began, so its time is not known."""

    code: str
    is_external: bool
    start: datetime | None
    end: datetime | None

    @property
    def duration(self) -> timedelta | None:
        return None if self.start is None or self.end is None else self.end - self.start


@dataclass(frozen=True, slots=True)
class Smed:
    """Time the line stood for a changeover without pauses: ``internal`` + ``external_inside`` +
    ``not_known`` is all of it, exactly. ``external``: what external steps took in all, wherever they lie.
    """

    internal: timedelta
    external_inside: timedelta
    not_known: timedelta
    external: timedelta
    ticked: int

    @property
    def is_known(self) -> bool:
        return bool(self.internal or self.external)


def smed(stood: Sequence[Span], ticks: Iterable[Tick]) -> Smed:
    """``stood``: when the line stood for it, apart and in order. Steps beside each other count once; an
    internal step beside an external one is what keeps the line standing.
    """
    known = list(ticks)
    internal = _spans(tick for tick in known if not tick.is_external)
    external = _spans(tick for tick in known if tick.is_external)
    inside = _length(_cut(stood, internal))
    covered = _length(_cut(stood, _joined([*internal, *external])))
    whole = _length(stood)
    return Smed(
        internal=inside,
        external_inside=covered - inside,
        not_known=whole - covered,
        external=_length(external),
        ticked=sum(tick.end is not None for tick in known),
    )


def _spans(ticks: Iterable[Tick]) -> list[Span]:
    return _joined(
        [(tick.start, tick.end) for tick in ticks if tick.start and tick.end and tick.start < tick.end]
    )


def _joined(spans: Iterable[Span]) -> list[Span]:
    """The same time without overlaps, in order."""
    found: list[Span] = []
    for start, end in sorted(spans):
        if found and start <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((start, end))
    return found


def _cut(stood: Sequence[Span], spans: Sequence[Span]) -> list[Span]:
    """What of some spans lies while the line stood."""
    return [
        (max(start, begin), min(end, finish))
        for begin, finish in stood
        for start, end in spans
        if max(start, begin) < min(end, finish)
    ]


def _length(spans: Iterable[Span]) -> timedelta:
    return sum((end - start for start, end in spans), timedelta())


@dataclass(frozen=True, slots=True)
class Phases:
    """Clean-up: until the machine is on the new order. Adjustment: from then to its first piece. Together
    they are the changeover. Run-up: from its first piece until it keeps its rate; None while it has not.
    """

    clean_up: timedelta
    adjustment: timedelta
    run_up: timedelta | None


def stood_for(between: Iterable[Segment]) -> tuple[Span, ...]:
    """When the machine stood for a changeover, pauses left out."""
    return tuple((item.start, item.end) for item in between if item.time_class not in PAUSES)


def phases(between: Sequence[Segment], after: Sequence[Segment], order_code: str) -> Phases:
    """``between``: the standstill; ``after``: what followed it, in order, from the order's first run."""
    switched = next((item.start for item in between if item.order_code == order_code), None)
    stood = stood_for(between)
    before = [span for span in stood if switched is None or span[0] < switched]
    clean_up = _length(before)
    return Phases(clean_up, _length(stood) - clean_up, _run_up(after, order_code))


def _run_up(after: Sequence[Segment], order_code: str) -> timedelta | None:
    """Until the first stretch at speed of AT_RATE; the next order's own run-up is another one."""
    begun: datetime | None = None
    for item in after:
        if item.time_class in RUN and item.order_code != order_code:
            return None
        if item.time_class != RUNNING:
            begun = None
            continue
        begun = begun or item.start
        if item.end - begun >= AT_RATE:
            return begun - after[0].start
    return None
