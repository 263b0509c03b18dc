"""When what was said of a line is true of each of its machines: a product reaches them one after the other.

Commands on an order are said at the line's entry; a machine's order signal is said where that machine stands.
Each other machine begins and ends the order earlier or later by the transit declared between them.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from datetime import timedelta
from heapq import heappop, heappush
from itertools import count
from typing import TypeVar

from production.domain.job_order import Event, Working, execution

K = TypeVar("K", bound=Hashable)
NONE = timedelta()


def transits(machines: Iterable[K], links: Iterable[tuple[K, K, timedelta | None]]) -> dict[K, timedelta]:
    """Time from the line's entry to each machine over (from, to, transit), by the fastest way there.

    Machines nothing leads to are entries. A transit nobody declared is none; so is that of a machine no entry
    leads to.
    """
    found = dict.fromkeys(machines, NONE)
    ways: dict[K, list[tuple[K, timedelta]]] = {}
    fed: set[K] = set()
    for upstream, downstream, transit in links:
        if upstream in found and downstream in found:
            ways.setdefault(upstream, []).append((downstream, transit or NONE))
            fed.add(downstream)
    number = count()
    open_ways = [(NONE, next(number), machine) for machine in found if machine not in fed]
    reached: set[K] = set()
    while open_ways:
        so_far, _, machine = heappop(open_ways)
        if machine in reached:
            continue
        reached.add(machine)
        found[machine] = so_far
        for onward, transit in ways.get(machine, ()):
            heappush(open_ways, (so_far + transit, next(number), onward))
    return found


def working_at(
    machine: int, events: Iterable[Event], transit: Mapping[int, timedelta]
) -> tuple[Working, ...]:
    """When a machine without an order signal of its own worked on an order, from what happened to it."""
    here = transit.get(machine, NONE)
    moved = [
        event._replace(at=event.at + here - transit.get(event.equipment_id or 0, NONE)) for event in events
    ]
    return execution(moved).working
