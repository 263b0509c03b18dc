"""A stop seen through a counter is judged by the cycle of the product at work, whoever tells the order."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

import pytest

from connectors.models import SignalDefinition
from production import services
from production.models import Stop, UnitConversion
from production.selectors.units import unit_setup
from tests.factories.plant import line_make, material_make
from tests.factories.production import PLANNER, Sender, at, order_make, rate_make, sender_make

pytestmark = pytest.mark.django_db
# A piece a second with one pause of 60 s, then one every 100 s with one pause of 400 s.
FAST = [*range(0, 301, 1), *range(361, 601, 1)]
SLOW = [700, 800, 900, 1000, 1400, 1500, 1600]


def counted(*, signalled: bool, late: bool) -> Sender:
    line = line_make(1)
    fast, slow = material_make(), material_make()
    rate_make(line.unit, 3600, fast)
    rate_make(line.unit, 30, slow)
    sender = sender_make(line.unit, roles=["good_count", "process_value", *(["order"] if signalled else [])])
    first, second = order_make(line, product=fast), order_make(line, product=slow)
    said: list[tuple[float, str, object]] = [(s, "process_value", 1) for s in range(0, 1700, 30)]
    said += [(s, "good_count", n) for n, s in enumerate([*FAST, *SLOW])]
    if signalled:
        said += [(0, "order", first.code), (601, "order", second.code)]

    def events() -> None:
        services.job_order_start(job_order_id=first.pk, at=at(0), by=PLANNER)
        services.job_order_stop(job_order_id=first.pk, at=at(601), by=PLANNER)
        services.job_order_start(job_order_id=second.pk, at=at(601), by=PLANNER)

    if not signalled and not late:
        events()
    sender.say(said, watermark=1700)
    sender.stitch()
    if not signalled and late:
        events()
        sender.stitch()
    return sender


def stops(sender: Sender) -> list[tuple[datetime, datetime | None]]:
    found = Stop.objects.filter(work_unit=sender.unit).order_by("start_time")
    return list(found.values_list("start_time", "end_time"))


@pytest.mark.parametrize(("signalled", "late"), [(True, False), (False, False), (False, True)])
def test_each_product_has_its_own_cycle(signalled: bool, late: bool) -> None:
    sender = counted(signalled=signalled, late=late)
    # The pause of the fast one, less its second; of the slow one what is beyond its 120 s.
    assert (at(300), at(360)) in stops(sender)
    assert (at(1000), at(1280)) in stops(sender)
    assert all(start < at(601) or start == at(1000) for start, _ in stops(sender))
    assert services.rebuild_check(work_unit_ids=[sender.unit.pk]).lines == []


def test_a_counter_of_cases_is_waited_for_a_whole_case() -> None:
    line = line_make(1)
    sender = sender_make(line.unit, roles=["good_count"])
    SignalDefinition.objects.filter(pk=sender.signals["good_count"].pk).update(unit="case")
    product = material_make()
    rate_make(line.unit, 720, product)
    UnitConversion.objects.create(product=product, unit="case", makes=Decimal(12), valid_from=at(-86400))
    assert unit_setup(work_unit_id=line.unit.pk).unit.cycle.total_seconds() == 60
