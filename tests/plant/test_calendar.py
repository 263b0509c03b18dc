"""Calendars are versions; the intervals of time that has begun never move."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plant import selectors, services
from plant.access import rule
from plant.domain.calendar import DAYS, PatternError
from plant.models import AuditEntry, CalendarSlot
from plant.tasks import BEAT, calendar_extend
from tests.factories import plant as make

pytestmark = pytest.mark.django_db
BY = rule("test")
MONDAY = date(2026, 3, 23)
NOON = datetime(2026, 3, 25, 12, tzinfo=UTC)


def pattern(
    start: str = "06:00", end: str = "14:00", days: tuple[str, ...] = DAYS, **more: Any
) -> dict[str, Any]:
    return {"shifts": [{"code": "M", "start": start, "end": end, "days": list(days), **more}]}


def store(line: make.Line, data: dict[str, Any], *, at: datetime = NOON, valid_from: date = MONDAY) -> None:
    services.calendar_version_store(line=line.line, valid_from=valid_from, pattern=data, by=BY, at=at)
    services.calendar_materialise(line_id=line.line.pk, until=MONDAY + timedelta(days=14), now=at)


def rows(line: make.Line, **lookup: Any) -> list[tuple[Any, ...]]:
    found = CalendarSlot.objects.filter(line=line.line, **lookup).order_by("start_time", "kind")
    return list(found.values_list("pk", "kind", "code", "production_day", "start_time", "end_time"))


def test_a_night_over_the_change_to_summer_time_has_seven_hours() -> None:
    line = make.line_make()
    store(line, pattern("22:00", "06:00", name_en="Night", name_fr="Nuit"))
    [night] = CalendarSlot.objects.filter(line=line.line, production_day=date(2026, 3, 28))
    assert night.end_time - night.start_time == timedelta(hours=7)
    assert night.name_fr == "Nuit"
    assert selectors.shift_at(line_id=line.line.pk, at=night.end_time) is None


def test_a_change_counts_from_the_first_day_that_has_not_begun() -> None:
    line = make.line_make()
    store(line, pattern())
    store(line, pattern(end="13:00"))
    hours = {day: end - start for _, _, _, day, start, end in rows(line)}
    assert hours[MONDAY + timedelta(days=2)] == timedelta(hours=8), "today has begun"
    assert hours[MONDAY + timedelta(days=3)] == timedelta(hours=7)
    assert AuditEntry.objects.filter(action="calendar.version").count() == 2


def test_a_pattern_nobody_can_read_is_refused_and_nothing_is_stored() -> None:
    line = make.line_make()
    with pytest.raises(PatternError, match=r"shifts\[0\]\.start: read '6', expected a local time"):
        store(line, pattern("6"))
    assert rows(line) == []


def test_the_daily_job_makes_the_days_ahead_and_is_scheduled() -> None:
    line = make.line_make()
    services.calendar_version_store(line=line.line, valid_from=date.today(), pattern=pattern(), by=BY)  # noqa: DTZ011
    calendar_extend()
    last = CalendarSlot.objects.filter(line=line.line).latest("start_time")
    assert last.production_day > date.today() + timedelta(days=55)  # noqa: DTZ011
    count = len(rows(line))
    calendar_extend()
    assert len(rows(line)) == count
    assert "plant.calendar_extend" in BEAT


changes = st.lists(
    st.tuples(
        st.integers(0, 22),
        st.integers(1, 12),
        st.sets(st.sampled_from(DAYS), min_size=1),
        st.integers(-5, 8),
        st.integers(0, 100),
    ),
    min_size=1,
    max_size=5,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes)
def test_whatever_is_changed_and_when_time_that_has_begun_does_not_move(
    made: list[tuple[int, int, set[str], int, int]],
) -> None:
    with transaction.atomic():
        line, now, first = make.line_make(0), NOON, date.max
        for hour, hours, days, from_day, later in made:
            now += timedelta(hours=later)
            past = rows(line, start_time__lte=now, production_day__gte=first)
            data = pattern(f"{hour:02}:00", f"{(hour + hours) % 24:02}:00", tuple(sorted(days)))
            store(line, data, at=now, valid_from=MONDAY + timedelta(days=from_day))
            # A version may speak of days before the first one did; nothing else of the past is new.
            assert rows(line, start_time__lte=now, production_day__gte=first) == past
            first = min(first, MONDAY + timedelta(days=from_day))
            until = MONDAY + timedelta(days=14)
            assert services.calendar_materialise(line_id=line.line.pk, until=until, now=now) == (0, 0)
        transaction.set_rollback(True)
