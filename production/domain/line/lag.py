"""How far apart the two ends of a link report one event, learned from what they reported."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from production.domain.line.topology import Link, Node
from production.domain.line.tracks import BLOCKED, OWN, SETUP, STARVED, Track

# Fewer stops teach nothing; events further apart than this are not one.
ENOUGH = 30
FURTHEST = timedelta(seconds=30)
LEAST = timedelta(seconds=1)
NOTHING = timedelta()


def lags(link: Link, tracks: Mapping[Node, Track]) -> list[timedelta]:
    """How long before the end that caused it the other end told of a stop; nothing where it told after.

    A machine cannot starve before the one that feeds it stopped, nor be blocked before the next one: where it
    seems so, by clocks or by samples that come late, the tolerance has to make up for it.
    """
    upstream, downstream = tracks[link.upstream], tracks[link.downstream]
    found = _lags(downstream, upstream, STARVED, link.transit)
    return found + _lags(upstream, downstream, BLOCKED, NOTHING)


def _lags(waits: Track, causes: Track, kind: str, shift: timedelta) -> list[timedelta]:
    found: list[timedelta] = []
    kinds = {OWN, SETUP, kind}
    for part in waits.parts:
        if part.kind != kind or part.start != part.since:
            continue
        felt = part.start - shift
        if causes.at(felt).kind in kinds:
            found.append(NOTHING)
        elif (after := causes.next_of(kinds, felt, felt + FURTHEST)) is not None:
            found.append(after.start - felt)
    return found


def tolerance_learned(found: Sequence[timedelta]) -> timedelta | None:
    """The 95th percentile (nearest rank), at least a second; None from too few stops."""
    if len(found) < ENOUGH:
        return None
    ordered = sorted(found)
    return max(LEAST, ordered[-(-len(ordered) * 95 // 100) - 1])
