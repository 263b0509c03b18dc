"""Genealogy: the closure of what went into what, whatever the shape of the graph."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plant.models import Equipment, MaterialDefinition
from production.models import JobOrder
from tests.factories.plant import line_make, material_make
from tests.factories.traceability import lot_make, minutes, movement_make, order_make
from traceability import selectors
from traceability.domain.genealogy import Direction, cycles
from traceability.models import LotMovement, MaterialLot

pytestmark = pytest.mark.django_db

Pair = tuple[int, int]
NODES = 9
graphs = st.lists(st.tuples(st.integers(0, NODES - 1), st.integers(0, NODES - 1)), max_size=20)


def closure(pairs: Iterable[Pair], start: int, depth: int) -> dict[int, int]:
    """Breadth first: distance of everything reachable within ``depth`` steps."""
    follows: dict[int, set[int]] = {}
    for source, target in pairs:
        follows.setdefault(source, set()).add(target)
    distances, waiting = {start: 0}, deque([start])
    while waiting:
        at = waiting.popleft()
        for target in follows.get(at, ()):
            if target not in distances and distances[at] < depth:
                distances[target] = distances[at] + 1
                waiting.append(target)
    return distances


def graph_make(
    line: Equipment, material: MaterialDefinition, count: int, pairs: list[Pair]
) -> list[MaterialLot]:
    """One lot per node and one order per edge, which used the one and made the other."""
    lots = MaterialLot.objects.bulk_create(
        [MaterialLot(code=f"G{number}", material=material, place=line) for number in range(count)]
    )
    orders = JobOrder.objects.bulk_create(
        [
            JobOrder(code=f"E{number}", line=line, product=material, quantity=1, unit="pcs")
            for number in range(len(pairs))
        ]
    )
    same = {"quantity": 1, "unit": "pcs", "at": minutes(1), "actor": "test", "equipment": line}
    LotMovement.objects.bulk_create(
        LotMovement(kind=kind, lot=lots[node], job_order=order, **same)
        for order, (source, target) in zip(orders, pairs, strict=True)
        for kind, node in (("consumed", source), ("produced", target))
    )
    return lots


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pairs=graphs, start=st.integers(0, NODES - 1), depth=st.integers(1, NODES))
def test_trace_is_the_closure_of_any_graph(pairs: list[Pair], start: int, depth: int) -> None:
    with transaction.atomic():
        lots = graph_make(line_make(1).line, material_make(), NODES, pairs)
        number = {lot.pk: index for index, lot in enumerate(lots)}
        ways: list[tuple[Direction, list[Pair]]] = [
            ("forward", pairs),
            ("backward", [(b, a) for a, b in pairs]),
        ]
        for direction, edges in ways:
            found = selectors.trace(lots[start], direction=direction, depth=depth)
            assert {number[pk]: far for pk, far in found.distances.items()} == closure(edges, start, depth)
            assert {(number[e.source], number[e.target]) for e in found.edges} <= set(pairs)
        forward = selectors.trace(lots[start], direction="forward")
        for reached in forward.lots.values():
            assert lots[start].pk in selectors.trace(reached, direction="backward").distances
        transaction.set_rollback(True)


@given(pairs=graphs)
def test_a_cycle_is_named_exactly_when_lots_reach_each_other(pairs: list[Pair]) -> None:
    reach = {node: set(closure(pairs, node, NODES + 1)) for node in range(NODES)}
    mutual = {frozenset(other for other in reach[node] if node in reach[other]) for node in range(NODES)}
    expected = {group for group in mutual if len(group) > 1 or (min(group), min(group)) in pairs}
    assert {frozenset(group) for group in cycles(pairs)} == expected


def test_a_cycle_ends_the_walk_and_is_named() -> None:
    lots = graph_make(line_make(1).line, material_make(), 4, [(0, 1), (1, 2), (2, 1), (2, 3)])
    found = selectors.trace(lots[0], direction="forward", depth=200)
    assert set(found.distances) == {lot.pk for lot in lots}
    assert found.cycles == [[lots[1].pk, lots[2].pk]]
    assert not found.truncated


def test_depth_limits_the_walk_and_says_so() -> None:
    lots = graph_make(line_make(1).line, material_make(), 4, [(0, 1), (1, 2), (2, 3)])
    found = selectors.trace(lots[0], direction="forward", depth=2)
    assert set(found.distances) == {lot.pk for lot in lots[:3]}
    assert found.truncated


def test_ten_thousand_lots_are_walked_whole() -> None:
    pairs = [(source, 10 * source + leaf) for source in range(1000) for leaf in range(1, 11)]
    lots = graph_make(line_make(1).line, material_make(), 10_001, pairs)
    found = selectors.trace(lots[0], direction="forward")
    assert set(found.distances) == {lot.pk for lot in lots}
    assert not found.truncated


def test_a_made_lot_with_a_window_takes_only_what_was_in_use_in_it() -> None:
    line = line_make()
    order = order_make(line.line)
    caps = material_make(kind="packaging")
    first, second, third = (lot_make(line.site, caps) for _ in range(3))
    for lot, at in ((first, 0), (second, 60), (third, 120)):
        movement_make(lot, "consumed", at=at, job_order=order, equipment=line.unit)
    pallet = lot_make(line.line, order.product)
    movement_make(pallet, "produced", at=100, window_start=minutes(80), job_order=order)
    whole = lot_make(line.line, order.product)
    movement_make(whole, "produced", at=180, job_order=order)

    assert set(selectors.trace(pallet, direction="backward").distances) == {pallet.pk, second.pk}
    assert set(selectors.trace(whole, direction="backward").distances) == {
        whole.pk,
        first.pk,
        second.pk,
        third.pk,
    }


def test_a_lot_used_shortly_before_the_window_may_be_in_the_pieces_still_on_the_line() -> None:
    line = line_make()
    order = order_make(line.line)
    caps = material_make(kind="packaging")
    first, second = lot_make(line.site, caps), lot_make(line.site, caps)
    movement_make(first, "consumed", at=0, job_order=order, equipment=line.unit)
    movement_make(second, "consumed", at=60, job_order=order, equipment=line.unit)
    pallet = lot_make(line.line, order.product)
    movement_make(pallet, "produced", at=90, window_start=minutes(70), job_order=order)
    assert set(selectors.trace(pallet, direction="backward").distances) == {pallet.pk, first.pk, second.pk}


def test_operations_tie_what_went_in_to_what_came_out() -> None:
    line = line_make()
    order = order_make(line.line)
    one, two = lot_make(line.site), lot_make(line.site)
    movement_make(one, "consumed", job_order=order, operation="TANK-1")
    movement_make(two, "consumed", job_order=order, operation="TANK-2")
    made = lot_make(line.line, order.product)
    movement_make(made, "produced", at=10, job_order=order, operation="TANK-2")
    assert set(selectors.trace(made, direction="backward").distances) == {made.pk, two.pk}


def test_a_lot_booked_when_it_was_empty_counts_for_the_time_it_was_in_use() -> None:
    line = line_make()
    order = order_make(line.line)
    caps = material_make(kind="packaging")
    first, second = lot_make(line.site, caps), lot_make(line.site, caps)
    used: dict[str, Any] = {"job_order": order, "equipment": line.unit}
    movement_make(first, "consumed", at=60, window_start=minutes(0), **used)
    movement_make(second, "consumed", at=120, window_start=minutes(60), **used)
    early, late = lot_make(line.line, order.product), lot_make(line.line, order.product)
    movement_make(early, "produced", at=50, window_start=minutes(30), job_order=order)
    movement_make(late, "produced", at=110, window_start=minutes(90), job_order=order)
    assert set(selectors.trace(early, direction="backward").distances) == {early.pk, first.pk}
    assert set(selectors.trace(late, direction="backward").distances) == {late.pk, second.pk}
