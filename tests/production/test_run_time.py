"""How long machines ran is read by the time model in force, as the account reads it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from plant.models import TimeModel
from production import selectors
from production.domain.time_model import RUNNING, RUNNING_SLOW
from production.selectors.history import run_time, run_times
from tests.factories.plant import line_make
from tests.factories.production import at, sender_make

pytestmark = pytest.mark.django_db


def test_run_time_is_that_of_the_account_before_and_after_a_change_of_the_time_model() -> None:
    line = line_make(1)
    unit = line.unit
    assert unit.equipment_class is not None
    TimeModel.objects.create(
        equipment_class=unit.equipment_class, valid_from=at(1000), states={"idle": "running"}, modes={}
    )
    sender = sender_make(unit, roles=["state", "process_value"])
    sender.say([(s, "process_value", 1) for s in range(0, 1800, 30)])
    sender.say([(0, "state", 6), (300, "state", 4), (600, "state", 6), (1200, "state", 4)], watermark=1800)
    sender.stitch()
    windows = [(at(0), at(900)), (at(900), at(1500)), (at(0), at(1800))]
    found = [one.get(unit.pk, timedelta()) for one in run_times(equipment_ids=[unit.pk], windows=windows)]
    assert found[2] == run_time(equipment_ids=[unit.pk], start=at(0), end=at(1800))[unit.pk]
    assert found[2] == found[0] + found[1] + timedelta(seconds=300)
    for (start, end), ran in zip(windows, found, strict=True):
        told = selectors.account(equipment_id=unit.pk, start=start, end=end)
        assert told is not None
        times = [told.durations.get(name, timedelta()) for name in (RUNNING, RUNNING_SLOW)]
        assert sum(times, timedelta()) == ran
    assert found[0] == timedelta(seconds=600)
