"""Configuration changes: what was derived from it is derived again, without anyone asking."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import selectors as connectors
from plant import services as plant
from plant.domain.time_model import STATE_MEANINGS
from plant.models import CalendarSlot, EquipmentLink, TimeModel
from plant.selectors import site_zone
from production import selectors as production
from production import services
from production.models import IdealRate, OrderSpan, QuantityActual, StateInterval, Stop
from production.tasks import sweep
from tests.factories.plant import Line, equipment_class_make, line_make
from tests.factories.production import PLANNER, T0, Sender, at, order_make, rate_make, sender_make

pytestmark = pytest.mark.django_db
HOUR = 3600


def observed(line: Line | None = None) -> Sender:
    """A machine that ran, stood at 06:50 for twenty minutes and at 10:00 for ten, and counted."""
    sender = sender_make((line or line_make(1)).unit)
    sender.say([(s, "good_count", s) for s in range(0, 6 * HOUR, 45)])
    halts = [
        (0, 6),
        (3000, 2),
        (4200, 6),
        (4 * HOUR, 11),
        (4 * HOUR + 600, 6),
        (5 * HOUR, 2),
        (5 * HOUR + 20, 6),
    ]
    sender.say([(second, "state", value) for second, value in halts], watermark=6 * HOUR)
    sender.stitch()
    assert connectors.dirty_work_units() == []
    return sender


def asked(sender: Sender) -> list[bool]:
    found = Stop.objects.filter(work_unit=sender.unit).order_by("start_time")
    return list(found.values_list("needs_reason", flat=True))


def swept(sender: Sender) -> None:
    """What the beat does; afterwards nothing differs from a whole rebuild."""
    assert sender.unit.pk in connectors.dirty_work_units()
    sweep()
    assert connectors.dirty_work_units() == []
    assert services.rebuild_check().lines == []


def calendar(line: Line, start: str, end: str, pauses: list[dict[str, Any]] | None = None) -> None:
    """A pattern entered before the day began, and its intervals."""
    before = T0 - timedelta(days=1)
    shift = {"code": "M", "start": start, "end": end, "pauses": pauses or []}
    pattern = {"shifts": [shift]}
    day = date(2026, 3, 2)
    plant.calendar_version_store(line=line.line, valid_from=day, pattern=pattern, by=PLANNER, at=before)
    plant.calendar_materialise(line_id=line.line.pk, until=day + timedelta(days=2), now=before)


def test_a_first_calendar_decides_anew_which_stops_are_asked_about():
    line = line_make(1)
    CalendarSlot.objects.filter(line=line.line).delete()
    sender = observed(line)
    assert asked(sender) == [True, True, False]
    zone_start = T0.astimezone(site_zone(line.line))
    ends = (zone_start + timedelta(minutes=51)).strftime("%H:%M")
    calendar(line, zone_start.strftime("%H:%M"), ends)
    swept(sender)
    assert asked(sender) == [False, False, False]


def test_a_calendar_made_further_ahead_touches_nothing_that_was_derived():
    line = line_make(1)
    CalendarSlot.objects.filter(line=line.line).delete()
    calendar(line, "00:00", "23:00")
    observed(line)
    before = T0 + timedelta(days=1)
    plant.calendar_materialise(line_id=line.line.pk, until=date(2026, 4, 2), now=before)
    assert connectors.dirty_work_units() == []


def test_an_ideal_rate_decides_anew_what_is_a_stop_and_what_is_believed():
    sender = observed()
    assert list(Stop.objects.order_by("start_time").values_list("size", flat=True))[-1] == "micro"
    rate = rate_make(sender.unit, 60)
    swept(sender)
    assert list(Stop.objects.order_by("start_time").values_list("size", flat=True))[-1] == "speed_loss"
    assert QuantityActual.objects.filter(flag="implausible").exists()
    rate.units_per_hour = Decimal(36_000)
    rate.save()
    swept(sender)
    assert not QuantityActual.objects.filter(flag="implausible").exists()
    rate.save()
    assert connectors.dirty_work_units() == [], "nothing changed"
    IdealRate.objects.get().delete()
    swept(sender)


@pytest.mark.parametrize("field", ["minimum_stop", "registered_stop", "stale_after"])
def test_limits_of_a_machine_hold_for_what_was_there_before(field):
    sender = observed()
    setattr(sender.unit, field, timedelta(seconds=40 if field == "stale_after" else 700))
    sender.unit.save()
    swept(sender)
    if field == "stale_after":
        assert StateInterval.objects.filter(cause="silence").exists()
    else:
        assert Stop.objects.filter(size="registered").count() == 1


def test_a_state_table_corrected_tells_the_past_anew():
    sender = observed()
    sender.connection.state_map = {**sender.connection.state_map, "2": "aborted"}
    sender.connection.save()
    swept(sender)
    assert not StateInterval.objects.filter(state="stopped").exists()
    signal = sender.signals["state"]
    signal.state_map = {"6": "execute", "2": "starved", "11": "blocked"}
    signal.save()
    swept(sender)
    assert set(Stop.objects.values_list("base_class", flat=True)) == {"starved", "blocked"}


def test_a_name_changed_derives_nothing_again():
    sender = observed()
    sender.unit.name_en = "Filler one"
    sender.unit.save()
    signal = sender.signals["good_count"]
    signal.name_en = "Good bottles"
    signal.save()
    assert connectors.dirty_work_units() == []


def test_transit_and_machines_of_a_line_move_its_orders_at_once():
    line = line_make(2)
    EquipmentLink.objects.filter(upstream__parent=line.line).delete()
    order = order_make(line)
    services.job_order_start(job_order_id=order.pk, at=at(0), by=PLANNER)

    def starts() -> list[float]:
        rows = OrderSpan.objects.filter(equipment=line.units[1]).values_list("start_time", flat=True)
        return [(row - at(0)).total_seconds() for row in rows]

    first, second = line.units
    link = EquipmentLink.objects.create(upstream=first, downstream=second, transit=timedelta(seconds=90))
    assert starts() == [90]
    link.transit = timedelta(seconds=30)
    link.save()
    assert starts() == [30]
    link.delete()
    assert starts() == [0]
    assert services.rebuild_check().lines == []


LIMITS = {
    "minimum": "minimum_stop",
    "registered": "registered_stop",
    "stale": "stale_after",
    "no_count": "no_count_after",
}
changes = st.lists(
    st.tuples(
        st.sampled_from(
            ["rate", "minimum", "registered", "stale", "maximum", "late", "no_count", "cycles", "model"]
        ),
        st.integers(1, 900),
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes)
def test_whatever_is_changed_whenever_the_rows_are_those_of_a_rebuild(made):
    line, family = line_make(1), equipment_class_make()
    line.unit.equipment_class = family
    line.unit.save()
    sender = observed(line)
    for what, number in made:
        if what == "rate":
            IdealRate.objects.filter(equipment=sender.unit).delete()
            rate_make(sender.unit, number * 20)
        elif what == "maximum":
            sender.signals["good_count"].maximum_rate = Decimal(number)
            sender.signals["good_count"].save()
        elif what == "late":
            sender.say([(number * 20 + 3, "state", 2), (number * 20 + 9, "state", 6)])
        elif what == "model":
            since, word = at(number * 20), sorted(STATE_MEANINGS)[number % len(STATE_MEANINGS)]
            TimeModel.objects.update_or_create(
                equipment_class=family, valid_from=since, defaults={"states": {"held": word, "idle": word}}
            )
        elif what == "cycles":
            sender.unit.no_count_cycles = number
            sender.unit.save()
        else:
            setattr(sender.unit, LIMITS[what], timedelta(seconds=number))
            sender.unit.save()
        sweep()
        assert services.rebuild_check().lines == []


def test_a_time_model_tells_from_its_date_on_what_states_mean():
    line = line_make(1)
    sender = observed(line)
    wide = equipment_class_make()
    family = equipment_class_make(parent=wide)
    line.unit.equipment_class = family
    line.unit.save()
    swept(sender)
    kinds = (
        Stop.objects.filter(work_unit=line.unit).order_by("start_time").values_list("base_class", flat=True)
    )
    assert list(kinds.all()) == ["own", "own", "own"]
    told = TimeModel.objects.create(
        equipment_class=wide,
        valid_from=at(4 * HOUR),
        states={"stopped": "suspended", "held": "planned_maintenance"},
    )
    swept(sender)
    assert list(kinds.all()) == ["own", "planned", "suspended"]
    assert asked(sender) == [True, False, False]
    found = production.account(equipment_id=line.unit.pk, start=T0, end=at(6 * HOUR))
    assert found is not None
    assert found.unexplained == timedelta()
    assert found.durations["planned_maintenance"] == timedelta(minutes=10)
    told.valid_from = T0
    told.save()
    swept(sender)
    assert list(kinds.all()) == ["suspended", "planned", "suspended"]
    wide_other = equipment_class_make()
    family.parent = wide_other
    family.save()
    swept(sender)
    assert list(kinds.all()) == ["own", "own", "own"]
    TimeModel.objects.create(equipment_class=wide_other, valid_from=T0, states={"held": "running"})
    swept(sender)
    assert list(kinds.all()) == ["own", "own"]
    TimeModel.objects.all().delete()
    swept(sender)
    assert list(kinds.all()) == ["own", "own", "own"]
