"""Stations without a counter, scrap with reasons and rework: the same figures in account, record and API."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from plant.models import Reason
from production import selectors, services
from production.domain.scrap import Portion, Unfit
from production.models import CountAssertion, RollupMark
from production.selectors.effectiveness import effectiveness
from production.selectors.scrap import order_scrap, scrap_between
from production.services.plans import StaleView
from tests.factories.plant import Line, line_make, reason_make
from tests.factories.production import PLANNER, at, order_make, sender_make

pytestmark = pytest.mark.django_db
D = Decimal


def scrap_reason(code: str) -> Reason:
    reason = reason_make(code)
    Reason.objects.filter(pk=reason.pk).update(explains="scrap", time_class="")
    return Reason.objects.get(pk=reason.pk)


def count(line: Line, kind: str, quantity: int, until: int, unit: int = 0, **more: Any) -> CountAssertion:
    return services.count_assert(
        equipment_id=line.units[unit].pk, start_time=at(0), end_time=at(until), kind=kind,
        quantity=D(quantity), by=PLANNER, **more,
    )  # fmt: skip


def bench(*, counts: str = "") -> tuple[Line, int]:
    """One station that runs from 0 to 3600 s on an order; with a counter of ``counts`` if asked for."""
    line = line_make(1)
    sender = sender_make(line.unit, roles=["state", "process_value", *([counts] if counts else [])])
    order = order_make(line)
    services.job_order_start(job_order_id=order.pk, at=at(0), by=PLANNER)
    said: list[tuple[int, str, object]] = [(s, "process_value", 1) for s in range(0, 3600, 30)]
    if counts:
        said += [(s, counts, s // 300) for s in range(0, 3601, 60)]
    sender.say([*said, (0, "state", 6)], watermark=3601)
    sender.stitch()
    return line, order.pk


def test_what_people_count_where_nothing_counts_is_the_station_s_quantity() -> None:
    line, order = bench()
    count(line, "good", 40, 1200, job_order_id=order)
    count(line, "good", 50, 2400)
    count(line, "scrap", 4, 2400)
    whole = selectors.kpi(equipment_id=line.unit.pk, start=at(0), end=at(3600))
    assert whole is not None
    assert (whole.oee.good, whole.oee.total, whole.figures.scrap) == (90, 94, 4)
    of_line = selectors.kpi(equipment_id=line.line.pk, start=at(0), end=at(3600))
    assert of_line is not None
    assert of_line.oee.good == 90
    parts = [
        selectors.quantities(equipment_ids=[line.unit.pk], start=at(a), end=at(b)).get(line.unit.pk)
        for a, b in ((0, 1200), (1200, 2400), (2400, 3600))
    ]
    assert [part and part.good for part in parts] == [None, 40, 50]
    response = selectors.job_response(job_order_id=order)
    told = {(p.kind, p.source, p.equipment and p.equipment.code): p.quantity for p in response.quantities}
    assert told["good", "people", line.unit.code] == 90
    assert told["scrap", "people", line.unit.code] == 4
    figures = effectiveness(equipment_id=line.unit.pk, start=at(0), end=at(3600))
    assert figures is not None
    assert figures.oee.good == 90


def test_where_a_counter_tells_people_stand_beside_it_and_say_why() -> None:
    line, order = bench(counts="scrap_count")
    scrap_reason("SHORT")
    scrap_reason("LABEL")
    count(line, "scrap", 7, 1200, reason_code="SHORT")
    found = selectors.quantities(equipment_ids=[line.unit.pk], start=at(0), end=at(3601))[line.unit.pk]
    assert found.scrap == 12
    told = scrap_between(equipment_id=line.unit.pk, start=at(0), end=at(3601))
    assert {row.reason_code: row.quantity for row in told.by_reason()} == {"SHORT": 7, "": 5}
    count(line, "scrap", 3, 1800, reason_code="LABEL", job_order_id=order)
    of_order = order_scrap(selectors.job_response(job_order_id=order))
    assert of_order is not None
    assert [(row.reason_code, row.quantity) for row in of_order.by_reason()] == [
        ("SHORT", 7), ("LABEL", 3), ("", 2),
    ]  # fmt: skip
    assert of_order.total == 12
    assert scrap_between(equipment_id=line.line.pk, start=at(0), end=at(3601)).not_told == 2


def test_a_reason_is_said_later_split_and_superseded() -> None:
    line, _ = bench()
    scrap_reason("SHORT")
    scrap_reason("LABEL")
    reason_make("JAM")
    first = count(line, "scrap", 12, 1200)
    with pytest.raises(services.Refused):
        services.scrap_reason_assert(entry=first.pk, reason_code="JAM", by=PLANNER)
    said = services.scrap_reason_assert(entry=first.pk, reason_code="SHORT", by=PLANNER)
    with pytest.raises(StaleView):
        services.scrap_reason_assert(entry=first.pk, reason_code="LABEL", by=PLANNER)
    with pytest.raises(Unfit):
        services.scrap_split(entry=said.pk, portions=[Portion(D(5), "SHORT")], by=PLANNER)
    portions = [Portion(D(7), "SHORT"), Portion(D(3), "LABEL"), Portion(D(2), "")]
    parts = services.scrap_split(entry=said.pk, portions=portions, by=PLANNER)
    assert len({part.together for part in parts}) == 1
    told = scrap_between(equipment_id=line.unit.pk, start=at(0), end=at(3600))
    assert [(row.reason_code, row.quantity) for row in told.by_reason()] == [
        ("SHORT", 7), ("LABEL", 3), ("", 2),
    ]  # fmt: skip
    assert RollupMark.objects.filter(equipment_id=line.unit.pk, from_time=at(1200)).exists()


def test_rework_is_conserved_and_no_piece_is_good_twice() -> None:
    line, order = bench()
    count(line, "good", 90, 1800)
    count(line, "scrap", 2, 1800)
    count(line, "rework", 8, 1800)
    count(line, "rework_good", 5, 2400)
    count(line, "rework_scrap", 1, 2400)
    found = selectors.kpi(equipment_id=line.unit.pk, start=at(0), end=at(3600))
    assert found is not None
    figures = found.figures
    assert (figures.first_pass_yield, figures.final_yield) == (D("0.9"), D("0.95"))
    assert figures.rework_ratio == D("0.08")
    [made] = [part for part in found.made if part.good]
    assert (made.good, made.good_first, made.scrap, made.total) == (95, 90, 3, 100)
    assert selectors.kpi(equipment_id=line.line.pk, start=at(0), end=at(3600)).oee.good == 90  # type: ignore[union-attr]
    with pytest.raises(services.Refused):
        services.count_assert(
            equipment_id=line.line.pk, start_time=at(0), end_time=at(9), kind="rework_good", quantity=D(1),
            by=PLANNER, job_order_id=order,
        )  # fmt: skip


def test_pieces_that_pass_the_counter_again_are_counted_once() -> None:
    line, _ = bench(counts="good_count")
    line.unit.recounts_rework = True
    line.unit.save()
    count(line, "rework", 4, 1200)
    count(line, "rework_good", 3, 2400)
    found = selectors.quantities(equipment_ids=[line.unit.pk], start=at(0), end=at(3601))[line.unit.pk]
    assert (found.good, found.good_first, found.total) == (12, 9, 13)
