"""Which lots went into which: edges, and the cycles among them that a plant must look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

Direction = Literal["backward", "forward", "both"]


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """Some of lot ``source`` went into lot ``target`` in an order, ``distance`` steps from the traced lot.

    ``told``: a machine said so, and nobody booked it.
    """

    source: int
    target: int
    job_order_id: int | None
    distance: int = field(default=1, compare=False)
    told: bool = field(default=False, compare=False)


def cycles(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Groups of lots that went into each other, each sorted, in order of their first lot (Tarjan).

    In a group each lot is reachable from every other; one lot alone counts only if it went into itself.
    """
    follows: dict[int, list[int]] = {}
    for source, target in sorted(set(pairs)):
        follows.setdefault(source, []).append(target)
        follows.setdefault(target, [])
    groups = (sorted(group) for group in _components(follows))
    return sorted(group for group in groups if len(group) > 1 or group[0] in follows[group[0]])


def _components(follows: dict[int, list[int]]) -> Iterator[list[int]]:
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    for root in follows:
        if root in index:
            continue
        work: list[tuple[int, Iterator[int]]] = []
        _visit(root, index, low, stack, on_stack, work, follows)
        while work:
            node, rest = work[-1]
            child = next(rest, None)
            if child is None:
                work.pop()
                if work:
                    parent = work[-1][0]
                    low[parent] = min(low[parent], low[node])
                if low[node] == index[node]:
                    yield _pop_group(node, stack, on_stack)
            elif child not in index:
                _visit(child, index, low, stack, on_stack, work, follows)
            elif child in on_stack:
                low[node] = min(low[node], index[child])


def _visit(
    node: int,
    index: dict[int, int],
    low: dict[int, int],
    stack: list[int],
    on_stack: set[int],
    work: list[tuple[int, Iterator[int]]],
    follows: dict[int, list[int]],
) -> None:
    index[node] = low[node] = len(index)
    stack.append(node)
    on_stack.add(node)
    work.append((node, iter(follows[node])))


def _pop_group(node: int, stack: list[int], on_stack: set[int]) -> list[int]:
    group = []
    while True:
        member = stack.pop()
        on_stack.discard(member)
        group.append(member)
        if member == node:
            return group
