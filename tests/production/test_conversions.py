"""A packer that counts cases and a filler that counts bottles both give pieces of the order's unit."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from connectors.models import DirtyMark, SignalDefinition
from plant.models import MaterialDefinition
from production import selectors, services
from production.models import UnitConversion
from production.selectors.effectiveness import effectiveness
from tests.factories.plant import Line, line_make, material_make
from tests.factories.production import PLANNER, Sender, at, order_make, rate_make, sender_make

pytestmark = pytest.mark.django_db
D = Decimal


def conversion(
    product: MaterialDefinition, makes: str, second: int = -86400, **more: object
) -> UnitConversion:
    return UnitConversion.objects.create(
        product=product, unit="case", makes=D(makes), valid_from=at(second), **more
    )


def packed() -> tuple[Line, list[MaterialDefinition], list[str], Sender]:
    """A packer of one case a minute: an order of twelves for half an hour, then one of tens."""
    line = line_make(1)
    sender = sender_make(line.unit, roles=["state", "good_count"])
    SignalDefinition.objects.filter(pk=sender.signals["good_count"].pk).update(unit="case")
    products = [material_make(), material_make()]
    orders = [order_make(line, product=product) for product in products]
    services.job_order_start(job_order_id=orders[0].pk, at=at(0), by=PLANNER)
    services.job_order_stop(job_order_id=orders[0].pk, at=at(1810), by=PLANNER)
    services.job_order_start(job_order_id=orders[1].pk, at=at(1810), by=PLANNER)
    sender.say([(0, "state", 6), *((s, "good_count", s // 60) for s in range(0, 3601, 60))], watermark=3601)
    sender.stitch()
    return line, products, [order.code for order in orders], sender


def good(line: Line, start: float, end: float) -> Decimal | None:
    found = selectors.quantities(equipment_ids=[line.unit.pk], start=at(start), end=at(end))
    return found[line.unit.pk].good if line.unit.pk in found else None


def test_cases_are_pieces_of_their_order_and_unknown_without_a_conversion() -> None:
    line, (twelve, ten), codes, _ = packed()
    conversion(twelve, "12")
    assert good(line, 0, 1800) == 29 * 12
    assert good(line, 0, 3601) is None  # of the second order nobody has said what a case is
    second = selectors.job_orders(PLANNER).get(code=codes[1])
    [part] = [p for p in selectors.job_response(job_order_id=second.pk).quantities if p.source == "machine"]
    assert (part.kind, part.quantity) == ("good", None)
    conversion(ten, "9")
    conversion(ten, "10", equipment=line.unit)
    assert good(line, 0, 3601) == 30 * 12 + 30 * 10
    assert good(line, 0, 700) + good(line, 700, 3601) == good(line, 0, 3601)  # type: ignore[operator]
    rate_make(line.unit, 1200)
    told = selectors.kpi(equipment_id=line.unit.pk, start=at(0), end=at(3600))
    assert told is not None
    assert {part.use.code: part.good for part in told.made if part.good} == {codes[0]: 360, codes[1]: 290}
    both = effectiveness(equipment_id=line.unit.pk, start=at(0), end=at(3600), closed=False)
    assert both is not None
    assert both.oee.good == told.oee.good == 650
    orders = [selectors.job_orders(PLANNER).get(code=code) for code in codes]
    records = [selectors.job_response(job_order_id=order.pk) for order in orders]
    assert [
        next(p.quantity for p in record.quantities if (p.kind, p.source) == ("good", "machine"))
        for record in records
    ] == [360, 300]


def test_a_conversion_from_a_date_on_cuts_an_order_there() -> None:
    line, (twelve, _), _, sender = packed()
    conversion(twelve, "12")
    DirtyMark.objects.all().delete()
    conversion(twelve, "6", 901)
    assert DirtyMark.objects.filter(work_unit_id=line.unit.pk).exists()
    sender.stitch()
    assert good(line, 0, 1800) == 15 * 12 + 14 * 6


def test_the_believed_rate_is_in_the_counter_s_unit() -> None:
    line = line_make(1)
    sender = sender_make(line.unit, roles=["state", "good_count"])
    SignalDefinition.objects.filter(pk=sender.signals["good_count"].pk).update(unit="g")
    product = material_make()
    order = order_make(line, product=product)
    UnitConversion.objects.create(
        product=product, unit="g", counted=D(350), makes=D(1), valid_from=at(0) - timedelta(days=1)
    )
    rate_make(line.unit, 3600, product)
    services.job_order_start(job_order_id=order.pk, at=at(0), by=PLANNER)
    sender.say([(0, "state", 6), *((s, "good_count", s * 350) for s in range(0, 601, 10))], watermark=601)
    sender.stitch()
    assert good(line, 0, 601) == 600
