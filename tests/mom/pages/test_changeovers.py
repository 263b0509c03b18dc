"""Changeovers by product: the page shows each once, with its standard and what went over it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from production import selectors as production
from production.models import ChangeoverStandard, JobOrder, OrderSpan, StateInterval
from tests.factories.pages import Plant

pytestmark = pytest.mark.django_db


def changed_over(plant: Plant, minutes: int) -> None:
    """On line 2, the next order follows after a standstill of so many minutes in mode changeover."""
    line = plant.lines[1]
    filler = plant.units["L2"][0]
    first, second = JobOrder.objects.filter(line=line).order_by("sequence")[:2]
    end = plant.now - timedelta(minutes=30)
    start = end - timedelta(minutes=minutes)
    StateInterval.objects.filter(work_unit=filler).delete()
    for begin, until, state, mode in (
        (start - timedelta(hours=1), start, "execute", "produce"),
        (start, end, "stopped", "changeover"),
        (end, None, "execute", "produce"),
    ):
        StateInterval.objects.create(
            work_unit=filler,
            start_time=begin,
            end_time=until,
            state=state,
            mode=mode,
            fault_code="",
            cause="",
        )
    for place in [line, *plant.units["L2"]]:
        OrderSpan.objects.filter(equipment=place).delete()
        OrderSpan.objects.create(
            equipment=place, order_code=first.code, start_time=start - timedelta(hours=1), end_time=end,
            source="signal",
        )  # fmt: skip
        OrderSpan.objects.create(equipment=place, order_code=second.code, start_time=end, source="signal")


@pytest.mark.parametrize(("standard", "over"), [(20, 5), (40, 0), (None, None)])
def test_over_standard_is_what_goes_over_it(
    supervisor: Client, plant: Plant, standard: int | None, over: int | None
) -> None:
    changed_over(plant, 25)
    if standard is not None:
        ChangeoverStandard.objects.create(line=plant.lines[1], seconds=standard * 60)
    found = production.line_changeovers(
        line_id=plant.lines[1].pk, start=plant.now - timedelta(days=1), end=plant.now
    )
    assert found is not None
    [cell] = found.cells
    assert cell.median == timedelta(minutes=25)
    assert cell.over == (None if over is None else timedelta(minutes=over))
    body = supervisor.get("/changeovers/?line=L2&period=7d").content.decode()
    assert body.count('class="cause-box"') == 1
    assert "25 min" in body
    assert ("5 min" in body.replace("25 min", "")) is (over == 5)


def test_nothing_to_tell_is_said(supervisor: Client) -> None:
    assert "No change of order" in supervisor.get("/changeovers/?line=nonsense&period=x").content.decode()
