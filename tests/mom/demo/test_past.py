"""The past told through the real API, against the ledger: states, counts, orders, lots, minutes."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby, pairwise
from pathlib import Path
from typing import Any

import pytest
from celery import current_app

from mom.demo.by_hand import TABLE
from mom.demo.client import Api, Stopped
from mom.demo.ledger import ledger_read
from mom.demo.preparing import demo_prepare, store_open
from mom.demo.simulator import HOUR, LIVE, Simulator
from mom.demo.store import KEYS
from mom.plant_file.loading import plant_load
from plant import selectors as plant
from plant.access import rule
from production import selectors as production
from production import services

FILE = Path(__file__).resolve().parents[3] / "examples" / "demo_plant.yaml"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def queue_in_memory() -> Iterator[None]:
    """Wake-ups are sent and nobody takes them: the test stitches when it wants to."""
    app: Any = current_app
    before = app.conf.broker_url
    app.set_current()
    for url in ("memory://", before):
        app.conf.broker_url = url
        app.pool.force_close_all()
        app.amqp._producer_pool = None
        if url != before:
            yield


@pytest.fixture
def prepared(settings: Any, tmp_path: Path, queue_in_memory: None) -> dict[str, Any]:
    settings.DATA_DIR = tmp_path
    plant_load(text=FILE.read_text(), file=FILE.name, by=rule("test"), now=datetime.now(UTC))
    return demo_prepare()


def simulator_of(document: dict[str, Any], url: str, *, days: float) -> Simulator:
    store, stopping = store_open(), threading.Event()
    return Simulator(document, store, Api(url, store.read(KEYS), stopping), days=days, stopping=stopping)


def told(simulator: Simulator) -> None:
    """The past, and then what people said of it, but for the codings whose stops are not derived yet."""
    simulator.past(lambda progress: None)
    while simulator.outbox:
        simulator.deliver()


def stitch_all() -> None:
    for unit in plant.configuration_rows("plant.Equipment", level="work_unit"):
        services.stitch(work_unit_id=unit.pk)


def instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


def seconds_by_state(spans: list[tuple[str, datetime, datetime]]) -> dict[str, float]:
    found: dict[str, float] = defaultdict(float)
    for state, start, end in spans:
        found[state] += (end - start).total_seconds()
    return dict(found)


def test_a_shift_is_what_the_ledger_says(
    live_server: Any, prepared: dict[str, Any], plant_document: dict[str, Any]
) -> None:
    simulator = simulator_of(plant_document, live_server.url, days=0.4)
    told(simulator)
    assert simulator.phase == LIVE
    assert simulator.teller.refused == 0, (simulator.store.folder / "refused.jsonl").read_text()[:2000]
    stitch_all()
    entries = list(ledger_read(simulator.store.ledger))
    start, end = instant(simulator.start), instant(simulator.engine.now)
    still = [truth.data for truth in simulator.engine.open_intervals(simulator.engine.now)]
    true_states = [entry for entry in entries if entry["kind"] == "state"] + still
    for unit in plant.configuration_rows("plant.Equipment", level="work_unit"):
        machine: Any = unit
        if machine.code == TABLE:
            continue  # worked by hand: no machine of the simulator
        true = seconds_by_state(
            [
                (e["state"], instant(e["start"]), instant(e["end"]))
                for e in true_states
                if e["unit"] == machine.code
            ]
        )
        rows = production.states_between(equipment_ids=[machine.pk], start=start, end=end)[machine.pk]
        seen = seconds_by_state([(row.state, row.start, row.end or end) for row in rows])
        assert seen.keys() == true.keys(), machine.code
        assert all(abs(seen[state] - true[state]) <= 1.0 for state in true), (machine.code, seen, true)
        account = production.account(equipment_id=machine.pk, start=start, end=end)
        assert account is not None
        assert not account.unexplained
    assert_counts(entries)
    assert_lots(simulator, entries)
    simulator.close()


def assert_counts(entries: list[dict[str, Any]]) -> None:
    counts = [entry for entry in entries if entry["kind"] == "count"]
    assert counts
    for entry in counts:
        unit = plant.equipment_by_code(entry["unit"])
        found = production.quantities(
            equipment_ids=[unit.pk], start=instant(entry["start"]), end=instant(entry["end"]), of_order=True
        )[unit.pk]
        assert found.good in (None, entry["good"]), entry
        assert found.scrap in (None, entry["scrap"]), entry
        assert found.good is not None


def assert_lots(simulator: Simulator, entries: list[dict[str, Any]]) -> None:
    """Every lot made is traced back to every lot used in its order."""
    used: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        if entry["kind"] == "consumed":
            used[entry["into"]].add(entry["lot"])
    made = {entry["lot"] for entry in entries if entry["kind"] == "produced"}
    assert made & used.keys()
    for lot in made & used.keys():
        answer = simulator.teller._api.call(
            "GET", f"/api/v1/lots/{lot}/trace?direction=backward&depth=5", by="SIMULATOR"
        )
        assert {node["code"] for node in answer.body["nodes"]} >= used[lot]


def test_operators_code_the_stops_they_see(
    live_server: Any, prepared: dict[str, Any], plant_document: dict[str, Any]
) -> None:
    simulator = simulator_of(plant_document, live_server.url, days=0.2)
    told(simulator)
    stitch_all()
    waiting = len(simulator.teller.coder.waiting)
    simulator.teller.coder.work()
    assert simulator.teller.coder.coded
    assert simulator.teller.coder.coded + len(simulator.teller.coder.waiting) == waiting
    answer = simulator.teller._api.call("GET", "/api/v1/stops?coded=true&page_size=500", by="SIMULATOR")
    said = [entry for entry in ledger_read(simulator.store.ledger) if entry["kind"] == "reason"]
    reasons = {(entry["unit"], entry["reason"]) for entry in said}
    assert {(stop["equipment"], stop["reason"]) for stop in answer.body["results"]} <= reasons
    simulator.close()


def test_a_second_run_goes_on_and_tells_nothing_twice(
    live_server: Any, prepared: dict[str, Any], plant_document: dict[str, Any]
) -> None:
    first = simulator_of(plant_document, live_server.url, days=0.2)
    first._past_step(first.start + 2 * HOUR)
    first.close()
    # A crash after telling and before saving: the step is told again, and nothing counts twice.
    second = simulator_of(plant_document, live_server.url, days=0.2)
    assert second.engine.now == first.engine.now
    saved = second.store.read("state.json")
    second._past_step(second.start + 3 * HOUR)
    stored = second.samples
    second.close()
    second.store.write("state.json", saved)
    third = simulator_of(plant_document, live_server.url, days=0.2)
    third._past_step(third.start + 3 * HOUR)
    while third.outbox:
        third.deliver()
    assert third.samples == stored
    ids = [entry["id"] for entry in ledger_read(third.store.ledger)]
    assert len(ids) == len(set(ids))
    assert third.teller.refused == 0
    third.close()


def test_the_true_states_touch(
    live_server: Any, prepared: dict[str, Any], plant_document: dict[str, Any]
) -> None:
    simulator = simulator_of(plant_document, live_server.url, days=0.2)
    sent, happenings = simulator.advance(simulator.start + 2 * HOUR)
    assert sent
    assert happenings
    entries = [entry for entry in ledger_read(simulator.store.ledger) if entry["kind"] == "state"]
    entries.sort(key=lambda entry: (entry["unit"], entry["start"]))
    for _, group in groupby(entries, key=lambda entry: entry["unit"]):
        spans = [(entry["start"], entry["end"]) for entry in group]
        assert all(before[1] == after[0] for before, after in pairwise(spans))
    simulator.close()


def test_being_told_to_stop_ends_a_call_that_cannot_be_answered() -> None:
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(Stopped):
        Api("http://127.0.0.1:9", {"ERP": "x"}, stopping).call("GET", "/api/v1/job-orders", by="ERP")


def test_preparing_gives_passwords_once(prepared: dict[str, Any]) -> None:
    accounts = prepared["sign in (change the password then)"]
    assert set(accounts) == {"supervisor", "admin"}
    assert prepared["tablet"].startswith("/tablet/enrol/")
    again = demo_prepare()
    assert set(again) == {"tablet", "tablet L2", "tablet L3"}
    user: Any = plant.configuration_rows("plant.User", username="supervisor").get()
    assert user.must_change_password
    assert user.check_password(accounts["supervisor"])
    folder = store_open().folder
    assert (folder / KEYS).stat().st_mode & 0o077 == 0
