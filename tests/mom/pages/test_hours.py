"""Hour by hour on a real shift: hours add up to the shift, a red hour asks for its reason."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from django.test import Client
from django.utils import timezone

from mom.pages import reading
from mom.pages.hours import hour_rows, top_loss
from plant import selectors
from production import selectors as production
from production.selectors import ShiftHours
from tests.factories.pages import Plant, plant_running

pytestmark = pytest.mark.django_db


def told(plant: Plant, number: int) -> ShiftHours:
    line = plant.lines[number]
    shift = selectors.shift_at(line_id=line.pk, at=plant.now)
    assert shift is not None
    found = production.shift_hours(line_id=line.pk, shift=shift, now=plant.now)
    assert found is not None
    return found


@pytest.mark.parametrize("number", [0, 1])
def test_hours_add_up_to_the_shift(number: int) -> None:
    """The shift begins on a full hour: one a minute earlier may have a first hour nobody counted."""
    plant = plant_running(now=timezone.now().replace(minute=30, second=0, microsecond=0))
    found = told(plant, number)
    line_kpi = found.kpi
    goods = [item.hour.good for item in found.hours if item.hour.good is not None]
    assert sum(goods, Decimal(0)) == sum((m.good for m in line_kpi.made if m.good is not None), Decimal(0))
    planned = sum((item.hour.planned for item in found.hours), timedelta())
    assert planned == found.shift.end_time - found.shift.start_time - timedelta(minutes=30)
    gaps = [item.hour.gap for item in found.hours if item.hour.gap is not None]
    known = [item.so_far for item in found.hours if item.so_far is not None]
    assert known[-1] == sum(gaps, Decimal(0))
    assert found.recovery.left > timedelta()


def test_the_dearest_loss_of_each_hour_fits_in_it(plant: Plant) -> None:
    found = told(plant, 1)
    times = [top_loss(item)[1] for item in found.hours]
    assert max(times) > timedelta()
    assert all(time <= item.hour.end - item.hour.start for time, item in zip(times, found.hours, strict=True))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_the_page_counts_red_hours_nobody_explained(
    client: Client, monkeypatch: pytest.MonkeyPatch, language: str
) -> None:
    """At half past: what an hour has lost by the minute the test runs at may be nothing."""
    now = (timezone.now() - timedelta(hours=1)).replace(minute=30, second=0, microsecond=0)
    monkeypatch.setattr(timezone, "now", lambda: now)
    reading.forget()
    plant = plant_running(now=now)
    assert plant.supervisor is not None
    client.force_login(plant.supervisor, backend="django.contrib.auth.backends.ModelBackend")
    supervisor = client
    supervisor.cookies["language"] = language
    found = told(plant, 1)
    rows = hour_rows(plant.lines[1], found, plant.now)
    assert [row.is_now for row in rows].count(True) == 1
    waiting = sum(row.is_open for row in rows)
    body = supervisor.get("/lines/L2/hours/").content.decode()
    assert waiting
    assert body.count("tag-bad") == waiting + 1
    assert supervisor.get("/lines/L2/hours/?at=2020-01-01T00:00:00Z").status_code == 200


def test_polled_it_is_its_changing_part_and_unchanged_it_is_nothing(
    supervisor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = timezone.now().replace(second=1)
    monkeypatch.setattr(timezone, "now", lambda: now)
    poll = supervisor.get("/lines/L2/hours/", headers={"x-poll": "1"})
    assert b"<html" not in poll.content
    asked = {"x-poll": "1", "if-none-match": poll["ETag"]}
    assert supervisor.get("/lines/L2/hours/", headers=asked).status_code == 304
