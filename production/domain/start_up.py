"""When a line is starting up: the running time after an order's start, a changeover or a long stop.

Rejects of that time are those of starting up, the others those of production. The plant says how much running
time, or how many pieces, a run-up takes, and which stops begin one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from production.domain.account import Segment
from production.domain.time_model import RUNNING, RUNNING_SLOW, SETUP

RUN = frozenset({RUNNING, RUNNING_SLOW})
ORDER, CHANGEOVER, LONG_STOP = "order", "changeover", "long_stop"
NOTHING = timedelta()
# A run-up counted in pieces alone is looked for no longer than this.
LONGEST = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Rule:
    """``run_up``: of running time; ``pieces``; either may be None. ``long_stop`` None: no stop begins one."""

    run_up: timedelta | None
    pieces: int | None
    long_stop: timedelta | None


class RunUp(NamedTuple):
    """Time from the first running after what began it to the end of its running time, stops between."""

    start: datetime
    end: datetime
    began_with: str
    order_code: str


def run_ups(segments: Sequence[Segment], rule: Rule) -> list[RunUp]:
    """The run-ups of an account, disjoint and in order, each cut where the next one begins.

    What lies before the account is not known: its first segment begins none.
    """
    found: list[RunUp] = []
    waiting = ""
    halted = NOTHING
    for before, segment in zip((None, *segments), segments, strict=False):
        if before is not None and segment.order_code != before.order_code and segment.order_code:
            waiting = waiting or ORDER
        if segment.time_class == SETUP:
            waiting = CHANGEOVER
        if segment.time_class not in RUN:
            halted += segment.duration
            if rule.long_stop is not None and halted >= rule.long_stop and not waiting:
                waiting = LONG_STOP
            continue
        halted = NOTHING
        if waiting and segment.order_code:
            found.append(_begun(segments, segment, waiting, rule))
            waiting = ""
    cut = [one._replace(end=min(one.end, after.start)) for one, after in pairwise(found)]
    return [*cut, *found[-1:]]


def _begun(segments: Sequence[Segment], first: Segment, began_with: str, rule: Rule) -> RunUp:
    left = LONGEST if rule.run_up is None else rule.run_up
    end = first.start
    for segment in segments:
        if segment.start < first.start or left <= NOTHING:
            continue
        if segment.order_code != first.order_code:
            break
        if segment.time_class in RUN:
            end = segment.start + min(left, segment.duration)
            left -= min(left, segment.duration)
    return RunUp(first.start, end, began_with, first.order_code)


def ends_by_pieces(start: datetime, end: datetime, step: timedelta) -> list[datetime]:
    """Where a run-up is looked at for how many pieces it has made."""
    found, at = [], start
    while at < end:
        at = min(at + step, end)
        found.append(at)
    return found
