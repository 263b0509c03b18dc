"""Stops and time classes as a program sees them: samples in by REST, figures out by REST."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from rest_framework.test import APIClient

from plant.models import CalendarSlot, TimeModel
from production import services
from tests.factories.plant import Line, account_make, line_make
from tests.factories.production import PLANNER, T0, at, order_make, rate_make, sender_make

pytestmark = pytest.mark.django_db
HOUR = 3600


class Machine:
    """A machine whose samples come and whose figures are read by REST."""

    def __init__(self, line: Line) -> None:
        self.line, self.sender = line, sender_make(line.unit)
        self.caller = APIClient()
        self.caller.force_login(account_make("admin", line.site))

    @property
    def path(self) -> str:
        return f"/api/v1/equipment/{self.line.unit.code}"

    def land(self, said: list[tuple[float, str, Any]], watermark: float) -> None:
        samples = [
            {
                "address": self.sender.signals[role].address,
                "source_time": at(second).isoformat(),
                "value": value,
            }
            for second, role, value in said
        ]
        body = {
            "connection": self.sender.connection.slug,
            "samples": samples,
            "watermark": at(watermark).isoformat(),
        }
        answer = self.caller.post(
            "/api/v1/samples", body, format="json", headers={"Idempotency-Key": str(uuid.uuid4())}
        )
        assert answer.status_code == 201, answer.content
        self.sender.stitch()

    def get(self, path: str, **query: Any) -> Any:
        answer = self.caller.get(path, query)
        assert answer.status_code == 200, answer.content
        return answer.json()

    def kpi(self, start: float, end: float) -> Any:
        return self.get(f"{self.path}/kpi", start=at(start).isoformat(), end=at(end).isoformat())

    def seconds(self, start: float, end: float) -> dict[str, float]:
        told = self.kpi(start, end)["account"]
        assert float(told["unexplained"]) == 0
        return {name: float(value) for name, value in told["seconds"].items()}

    def stops(self) -> list[Any]:
        return list(self.get("/api/v1/stops", equipment=self.line.unit.code)["results"])


def machine(**limits: Any) -> Machine:
    """A machine at work on an order from the beginning, its limits as given."""
    line = line_make(1)
    CalendarSlot.objects.filter(line=line.line).delete()
    for name, value in {"stale_after": timedelta(days=2), **limits}.items():
        setattr(line.unit, name, value)
    line.unit.save()
    made = Machine(line)
    order = order_make(line)
    services.job_order_start(job_order_id=order.pk, at=T0, by=PLANNER)
    return made


def test_micro_stops_close_together_are_told_as_one():
    made = machine(minimum_stop=timedelta(seconds=2), registered_stop=timedelta(seconds=120))
    said: list[tuple[float, str, Any]] = [(0, "state", 6)]
    for number in range(4):
        said += [(60 + 60 * number, "state", 2), (65 + 60 * number, "state", 6)]
    made.land(said, HOUR)
    [group] = made.get(f"{made.path}/micro-stops", start=T0.isoformat(), end=at(HOUR).isoformat())
    assert (group["count"], group["seconds"]) == (4, 20.0)
    assert (group["start_time"], group["end_time"]) == ("2026-03-02T06:01:00Z", "2026-03-02T06:04:05Z")


def test_a_stop_bit_is_a_state_with_a_map():
    made = machine()
    signal = made.sender.signals["state"]
    signal.state_map = {"true": "stopped", "false": "execute"}
    signal.save()
    made.land([(0, "state", False), (100, "state", True), (400, "state", False)], 500)
    assert made.seconds(0, 500) == {"running": 200.0, "own_other": 300.0}


def test_silence_is_not_known_and_ends_no_stop_by_itself():
    made = machine(stale_after=timedelta(seconds=100))
    made.land([(0, "state", 6), (300, "state", 6)], 500)
    assert made.seconds(0, 500) == {"running": 200.0, "unknown": 300.0}
    assert [
        row["cause"] for row in made.get(f"{made.path}/states", start=T0.isoformat(), end=at(500).isoformat())
    ] == ["", "silence", "", "silence"]


def test_a_counter_that_stands_stops_a_machine_that_says_it_runs():
    made = machine(no_count_after=timedelta(seconds=60))
    rate_make(made.line.unit, 360)
    counted = [(10.0 * n, "good_count", n) for n in range(31)]
    made.land([(0, "state", 6), *counted, (710, "good_count", 31), (720, "good_count", 32)], 730)
    assert made.seconds(0, 730) == {"running": 330.0, "own_other": 400.0}
    [stop] = made.stops()
    assert (stop["start_time"], stop["end_time"]) == ("2026-03-02T06:05:00Z", "2026-03-02T06:11:40Z")
    states = made.get(f"{made.path}/states", start=T0.isoformat(), end=at(730).isoformat())
    assert [(row["state"], row["cause"]) for row in states] == [
        ("execute", ""),
        ("stopped", "no_count"),
        ("execute", ""),
    ]


def test_a_station_of_long_cycles_has_no_stop_in_each_of_them():
    made = machine(no_count_cycles=1, minimum_stop=None)
    rate_make(made.line.unit, 12)
    made.land([(0, "state", 6), *((300.0 * n, "good_count", n) for n in range(13))], HOUR)
    assert made.seconds(0, HOUR) == {"running": 3600.0}
    assert made.stops() == []
    made.land([(HOUR + 310.0, "good_count", 13), (HOUR + 610.0, "good_count", 14)], HOUR + 620)
    assert made.seconds(HOUR, HOUR + 620) == {"running": 610.0, "running_slow": 10.0}


def test_running_slowly_is_named_and_what_it_lost_is_in_the_waterfall():
    made = machine(slow_below=80)
    rate_make(made.line.unit, 3600)
    quarter = [(15.0 * n, "good_count", 15 * n) for n in range(61)]
    slow = [(900 + 15.0 * n, "good_count", 900 + 6 * n) for n in range(1, 61)]
    full = [(1800 + 15.0 * n, "good_count", 1260 + 15 * n) for n in range(1, 61)]
    made.land([(0, "state", 6), *quarter, *slow, *full], 2700)
    told = made.kpi(0, 2700)
    assert told["account"]["seconds"] == {"running": "2700"}
    assert float(told["account"]["slow"]) == 900.0
    assert told["account"]["slow_lost"] == pytest.approx(540, abs=16)
    for bridge in told["bridges"]:
        losses = {kind: float(value) for level in bridge["levels"] for kind, value in level["losses"].items()}
        assert losses["slow"] == pytest.approx(told["account"]["slow_lost"], abs=0.001)
        assert float(bridge["difference"]) == 0
    halves = [made.kpi(0, 1300)["account"]["slow_lost"], made.kpi(1300, 2700)["account"]["slow_lost"]]
    assert sum(halves) == pytest.approx(told["account"]["slow_lost"], abs=0.01)
    place = made.get(made.path)
    assert (place["slow_below"], place["no_count_after"]) == (80, None)


def test_the_definition_in_force_is_named_beside_the_figures():
    made = machine()
    made.land([(0, "state", 6), (600, "state", 4), (1200, "state", 6)], 1800)
    told = made.kpi(0, 1800)
    assert told["account"]["seconds"]["own_other"] == "600"
    [found] = told["time_models"]
    assert (found["name"], found["since"], found["states"]["idle"]) == ("ISA-TR88.00.02", None, "idle")
    TimeModel.objects.create(
        equipment_class=made.line.unit.equipment_class,
        valid_from=T0,
        name_en="Mixers wait",
        states={"idle": "suspended"},
    )
    made.sender.stitch()
    told = made.kpi(0, 1800)
    assert told["account"]["seconds"]["suspended"] == "600"
    [found] = told["time_models"]
    assert (found["name"], found["since"], found["states"]["idle"]) == (
        "Mixers wait",
        "2026-03-02T06:00:00Z",
        "suspended",
    )
    assert [stop["base_class"] for stop in made.stops()] == ["suspended"]
