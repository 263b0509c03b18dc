"""When a disk will be full: by what it grew from day to day, and unknown where that cannot be known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import sin

import pytest
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from connectors import services
from connectors.domain.filling import Filling, Reading, filling
from connectors.models import DiskReading, SpoolReport
from connectors.services import disks
from tests.factories.connectors import connection_make
from tests.factories.plant import account_make, line_make

NOW = datetime(2026, 3, 2, 8, 30, tzinfo=UTC)
HOUR = NOW.replace(minute=0)


def readings(days: float, a_day: float, *, begin: float = 0.4, sway: float = 0.0) -> list[Reading]:
    """Hour by hour until now, coming and going within each day."""
    hours = round(days * 24)
    return [
        Reading(
            HOUR - timedelta(hours=hours - n), begin + a_day * n / 24 + sway * sin(n * 6.2831853 / 24), 10**12
        )
        for n in range(hours + 1)
    ]


@given(days=st.integers(2, 9), a_day=st.floats(0.002, 0.06), sway=st.floats(0, 0.1))
def test_the_days_left_are_those_at_the_pace_of_the_last_week(days: int, a_day: float, sway: float) -> None:
    told = readings(days, a_day, sway=sway)
    found = filling(told, NOW)
    assert found is not None
    assert found.over == min(days, 7)
    left = max(1 - told[-1].share, 0) / a_day
    assert found.days is None if left > 366 else found.days == pytest.approx(left, rel=0.01, abs=0.01)


def test_what_came_once_is_no_pace() -> None:
    grown = readings(7, 0.0)
    grown = [
        Reading(one.at, one.share + 0.3 * (one.at > HOUR - timedelta(days=3)), one.total) for one in grown
    ]
    assert filling(grown, NOW) == Filling(None, 7)


def test_unknown_is_said_where_it_cannot_be_known() -> None:
    week = readings(7, 0.01)
    assert filling([], NOW) is None
    assert filling(readings(1.9, 0.01), NOW) is None, "a day's coming and going is no pace"
    assert filling(week, NOW + timedelta(hours=3)) is None, "nothing was heard since"
    assert filling(week[:20] + week[-20:], NOW) is None, "holes"
    larger = [Reading(one.at, one.share, 2 * 10**12) for one in week[-30:]]
    assert filling(week[:-30] + larger, NOW) is None, "another disk since yesterday"


@pytest.mark.django_db
def test_a_disk_that_fills_is_told_on_the_page_and_to_a_program(client: Client) -> None:
    line = line_make(1)
    made = connection_make(line.site, slug="press")
    now = timezone.now()
    spool = "7b7f0a44-6a0e-4a52-8f0e-0a5c1f0d9a77"
    SpoolReport.objects.create(
        connection=made,
        spool=spool,
        at=now,
        heard_at=now,
        host="edge",
        received=0,
        confirmed=0,
        usage=0.52,
        disk_total=10**12,
        disk_free=6 * 10**11,
    )
    hour = now.replace(minute=0, second=0, microsecond=0)
    for n in range(24 * 7):
        at = hour - timedelta(hours=n)
        disks.disk_reading_keep(disk=f"spool:{spool}", share=0.52 - n / 24 * 0.08, total=10**12, now=at)
    client.force_login(account_make("engineer", line.site))
    said = client.get("/api/v1/connections/press/trust").json()
    edge = next(one for one in said["disks"] if one["where"] == "edge")
    assert (edge["full_in_days"], edge["pace_of_days"]) == (pytest.approx(6, rel=0.1), 6)
    assert "the disk at edge is full in about 6 days at the pace of 6 days" in str(said["reasons"])
    assert "in about 6 days" in client.get("/connections/press/trust/").content.decode()
    services.disk_readings_keep(now=now + timedelta(days=30))
    assert DiskReading.objects.filter(disk__startswith="spool:").count() == 0
