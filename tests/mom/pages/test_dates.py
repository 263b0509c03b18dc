"""Dates are written one way in each language, and instants in the time of the reader's site."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.template import Context, Template
from django.test import Client
from django.utils import timezone, translation

from mom.pages import words
from plant import services
from plant.access import rule
from plant.models import ApiToken, Equipment
from tests.factories.pages import Plant

PARIS = ZoneInfo("Europe/Paris")
AT = datetime(2026, 11, 20, 22, 5, tzinfo=UTC)
DATES = '{{ day|date:"SHORT_DATE_FORMAT" }} {{ day|date }} {{ day }}'


@pytest.mark.parametrize(
    ("language", "day", "day_clock", "whole"),
    [
        ("en", "20 Nov 2026", "20 Nov 23:05", "20 Nov 2026 23:05"),
        ("fr", "20/11/2026", "20/11 23:05", "20/11/2026 23:05"),
    ],
)
def test_each_language_writes_dates_one_way(language: str, day: str, day_clock: str, whole: str) -> None:
    with translation.override(language):
        shown = Template(DATES).render(Context({"day": date(2026, 11, 20)}))
        assert shown == " ".join([day] * 3)
        assert words.day_clock(AT, PARIS) == day_clock
        assert words.day_year_clock(AT, PARIS) == whole


@pytest.mark.django_db
def test_keys_tell_when_they_were_used_in_the_site_s_time(supervisor: Client, plant: Plant) -> None:
    Equipment.objects.filter(level="site").update(time_zone="Asia/Tokyo")
    assert plant.supervisor is not None
    services.token_create(user=plant.supervisor, name="erp", scope="read", days=30, by=rule("test"))
    used = timezone.now() - timedelta(hours=3)
    ApiToken.objects.update(last_used_at=used)
    told = supervisor.get("/tokens/").content.decode()
    assert words.day_year_clock(used, ZoneInfo("Asia/Tokyo")) in told
