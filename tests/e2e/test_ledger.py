"""What the demo plant truly did, as its ledger says, against what the product says of it through its API.

The plant told its past through the same doors a real one would use; nothing here reads the product's tables.
"""

from __future__ import annotations

import json
import os
import signal
import time
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import pytest
import yaml

from mom.demo.ledger import ledger_read
from mom.demo.shifts import LineCalendar, Slot
from tests.e2e.plant import ROOT, Plant, free_port, plant, wait_for

__all__ = ["plant"]
DOCUMENT: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "demo_plant.yaml").read_text())
SIGNALLED = {signal["equipment"] for signal in DOCUMENT["signals"]}
# A station worked by hand is no machine of the simulator: no ledger tells of it.
LINES = {
    line["code"]: line
    for area in DOCUMENT["equipment"]
    for line in area["children"]
    if any(unit["code"] in SIGNALLED for unit in line["children"])
}
UNITS = {unit["code"]: unit for line in LINES.values() for unit in line["children"]}
CALENDARS = {
    entry["line"]: LineCalendar(DOCUMENT["site"]["time_zone"], entry) for entry in DOCUMENT["calendars"]
}
COUNTS_SCRAP = {s["equipment"] for s in DOCUMENT["signals"] if s["role"] == "scrap_count"}
SECOND = 1.0
Entry = dict[str, Any]


def iso(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat()


def ms_of(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def line_of(unit: str) -> str:
    return next(code for code, line in LINES.items() if any(u["code"] == unit for u in line["children"]))


@dataclass(frozen=True)
class Truth:
    """The ledger by kind, as far as it was told before the plant went live."""

    entries: dict[str, list[Entry]]
    start: int
    end: int

    def shift(self, line: str) -> Slot:
        """The latest whole shift of a line."""
        found = [
            slot
            for slot in CALENDARS[line].near(self.end - 86_400_000)
            if slot.kind == "shift" and self.start <= slot.start and slot.end <= self.end
        ]
        assert found, "no whole shift: let the demo plant tell more days"
        return max(found, key=lambda slot: slot.start)

    def of(self, kind: str, unit: str = "") -> list[Entry]:
        return [e for e in self.entries[kind] if not unit or e["unit"] == unit]

    def orders_ended(self, line: str) -> list[Entry]:
        """The last three that ended; a shift may see none end."""
        found = [e for e in self.of("order_end") if e["line"] == line][-3:]
        assert found, "no order ended: let the demo plant tell more days"
        return found


def truth_read(plant: Plant) -> Truth:
    entries: dict[str, list[Entry]] = defaultdict(list)
    start, told = json.loads((plant.data / "demo" / "state.json").read_text())["start"], plant.began * 1000
    for entry in ledger_read(plant.data / "demo" / "ledger.jsonl"):
        if entry["at"] <= told:
            entries[entry["kind"]].append(entry)
    return Truth(entries, start, int(told))


@pytest.fixture(scope="module")
def truth(plant: Plant) -> Truth:
    return truth_read(plant)


def clipped(spans: Iterable[tuple[int, int, str]], start: int, end: int) -> Counter[str]:
    """Seconds by name inside [start, end)."""
    total: Counter[str] = Counter()
    for since, until, name in spans:
        if min(until, end) > max(since, start):
            total[name] += (min(until, end) - max(since, start)) / 1000  # type: ignore[assignment]
    return total


def near(true: Counter[str], told: Counter[str]) -> bool:
    return all(abs(true[name] - told[name]) <= SECOND for name in {*true, *told})


@pytest.mark.parametrize("unit", sorted(UNITS))
def test_states_of_a_shift(plant: Plant, truth: Truth, unit: str) -> None:
    """Seconds per state and mode within a second; the account closes, and its classes are the true ones."""
    shift = truth.shift(line_of(unit))
    window = {"start": iso(shift.start), "end": iso(shift.end)}
    intervals = truth.of("state", unit)
    rows = plant.ask(f"equipment/{unit}/states", **window)
    for part in ("state", "mode"):
        true = clipped(((e["start"], e["end"], e[part]) for e in intervals), shift.start, shift.end)
        told = clipped(
            ((ms_of(r["start_time"]), ms_of(r["end_time"] or iso(shift.end)), r[part]) for r in rows),
            shift.start,
            shift.end,
        )
        assert near(true, told), (unit, part, true, told)
        assert abs(sum(true.values()) - (shift.end - shift.start) / 1000) <= SECOND
    account = plant.ask(f"equipment/{unit}/kpi", **window)["account"]
    classes = Counter({name: float(seconds) for name, seconds in account["seconds"].items()})
    assert account["unexplained"] == "0"
    assert sum(Decimal(s) for s in account["seconds"].values()) == Decimal(shift.end - shift.start) / 1000
    assert "unknown" not in classes
    assert near(classes_known(intervals, shift, unit), Counter({n: classes[n] for n in KNOWN})), (
        unit,
        classes,
    )


KNOWN = ("running", "meeting", "break", "planned_maintenance", "closed")


def classes_known(intervals: list[Entry], shift: Slot, unit: str) -> Counter[str]:
    """The classes that follow from state and calendar alone: running, and standing still in a pause."""
    pauses = [slot for slot in CALENDARS[line_of(unit)].near(shift.start) if slot.kind != "shift"]
    found: Counter[str] = Counter()
    for e in intervals:
        inside = (max(e["start"], shift.start), min(e["end"], shift.end))
        if inside[1] <= inside[0]:
            continue
        if e["state"] == "execute":
            found["running"] += (inside[1] - inside[0]) / 1000  # type: ignore[assignment]
        else:
            found.update(clipped(((s.start, s.end, s.kind) for s in pauses), *inside))
    return found


@pytest.mark.parametrize("line", sorted(LINES))
def test_pieces_of_every_machine_and_order(plant: Plant, truth: Truth, line: str) -> None:
    ended = {order["order"] for order in truth.orders_ended(line)}
    for count in truth.of("count"):
        unit, order = count["unit"], count["order"]
        if order not in ended:
            continue
        window = {"start": iso(count["start"] - 1), "end": iso(count["end"] + 1)}
        made = plant.ask(f"equipment/{unit}/kpi", **window)["made"]
        [told] = [part for part in made if part["job_order"] == order]
        assert ms_of(told["start_time"]) == count["start"]
        assert ms_of(told["end_time"]) == count["end"]
        assert Decimal(told["good"]) == count["good"], (unit, order)
        if unit in COUNTS_SCRAP:
            assert Decimal(told["total"]) == count["good"] + count["scrap"], (unit, order)


@pytest.mark.parametrize("line", sorted(LINES))
def test_records_of_orders(plant: Plant, truth: Truth, line: str) -> None:
    """Start, end, pieces, lots and time of each order that ended, in its record."""
    pace = next(unit for unit in LINES[line]["children"] if unit.get("constraint"))["code"]
    counts = {(e["unit"], e["order"]): e for e in truth.of("count")}
    for end in truth.orders_ended(line):
        order, paced = end["order"], counts[pace, end["order"]]
        record = plant.ask(f"job-orders/{order}/record")
        assert record["head"]["state"] == "ended"
        assert (ms_of(record["head"]["start"]), ms_of(record["head"]["end"])) == (
            paced["start"],
            paced["end"],
        )
        assert record["split"]["unexplained_seconds"] == 0
        assert record["completeness"]["no_data_seconds"] == 0
        assert Decimal(record["pieces"]["good"]) == end["good"]
        scrapped = sum(e["scrap"] for (unit, of), e in counts.items() if of == order and unit in COUNTS_SCRAP)
        assert Decimal(record["pieces"]["scrap"]) == scrapped
        for kind in ("consumed", "produced"):
            true: Counter[str] = Counter()
            for e in truth.of(kind):
                if e["order"] == order:
                    true[e["lot"]] += Decimal(e["quantity"])  # type: ignore[assignment]
            told: Counter[str] = Counter()
            for row in record["lots"]:
                if row["kind"] == kind:
                    told[row["lot_code"]] += Decimal(row["quantity"])  # type: ignore[assignment]
            assert true == told, (order, kind)


def test_every_lot_is_traced_both_ways(plant: Plant, truth: Truth) -> None:
    used: dict[str, set[str]] = defaultdict(set)
    went: dict[str, set[str]] = defaultdict(set)
    made = {e["lot"] for e in truth.of("produced")}
    for e in truth.of("consumed"):
        if e["into"] in made:
            used[e["into"]].add(e["lot"])
            went[e["lot"]].add(e["into"])
    assert len(used) > 5
    assert len(went) > 20
    for direction, edges in (("backward", used), ("forward", went)):
        for lot, expected in edges.items():
            trace = plant.ask(f"lots/{lot}/trace", direction=direction)
            assert {node["code"] for node in trace["nodes"]} >= expected, (lot, direction)
            assert not trace["truncated"]


def test_reasons_people_gave_are_on_their_stops(plant: Plant, truth: Truth) -> None:
    """What the operators of a shift said is the reason in force of a stop of that machine and time.

    But for those who still look for a stop the product does not show yet; nobody gives up or is refused.
    """
    shift = truth.shift("L1")
    said = [e for e in truth.of("reason") if shift.start <= e["start"] and e["end"] <= shift.end]
    assert said
    progress = plant.progress()
    assert (progress["given_up"], progress["refused"]) == (0, 0), progress
    state = json.loads((plant.data / "demo" / "state.json").read_text())
    told = [happening for happening, _ in state["waiting"]] + state["outbox"]
    looking = {(d["unit"], d["start"]) for _, kind, _, d in told if kind == "stop_coded"}
    missing, unsaid = [], []
    for e in said:
        if (e["unit"], e["start"]) in looking:
            continue
        stops = plant.ask("stops", equipment=e["unit"], start=iso(e["start"]), end=iso(e["end"]))["results"]
        # The people's stop may be a part of the product's, or begin with it and end with its restart.
        spans = [
            (ms_of(s["start_time"]), ms_of(s["end_time"] or iso(e["end"]))) for s in stops if s["reason"]
        ]
        shared = sum(max(0, min(b, e["end"]) - max(a, e["start"])) for a, b in spans)
        if 2 * shared < e["end"] - e["start"]:
            missing.append((e, stops))
        # Who said something later of the same time is believed; nobody else's words are there.
        spoken = {o["reason"] for o in truth.of("reason", e["unit"]) if overlap(o, stops)}
        unsaid += [s for s in stops if s["reason"] and s["reason"] not in spoken]
    assert missing == []
    assert unsaid == []
    assert len(looking) <= 2, looking


def overlap(said: Entry, stops: list[Entry]) -> bool:
    """Whether what was said is about one of these stops, or a part of it."""
    return any(
        said["end"] > ms_of(s["start_time"]) and (not s["end_time"] or said["start"] < ms_of(s["end_time"]))
        for s in stops
    )


def test_deriving_everything_again_finds_no_difference(plant: Plant, truth: Truth) -> None:
    """Also after values came late, which changed what was derived before."""
    assert ": 0 differences" in plant.manage("rebuild", "--check")
    # Outside the shift the other tests look at, in the middle of a run.
    unit, before = "L1-LABELLER", truth.shift("L1").start
    run = max(
        (e for e in truth.of("state", unit) if e["state"] == "execute" and e["end"] < before),
        key=lambda e: e["end"] - e["start"],
    )
    middle = (run["start"] + run["end"]) // 2
    late = [(middle, "stopped"), (middle + 20_000, "execute")]
    samples = [{"address": f"{unit}/state", "source_time": iso(at), "value": word} for at, word in late]
    stored = post(plant, "samples", {"connection": "line1-mqtt", "samples": samples}, key=f"late-{middle}")
    assert stored["stored"] == 2

    def told() -> bool:
        window = {"start": iso(middle), "end": iso(middle + 1000)}
        return any(row["state"] == "stopped" for row in plant.ask(f"equipment/{unit}/states", **window))

    wait_for(told, seconds=60, what="the late stop")
    assert ": 0 differences" in plant.manage("rebuild", "--check")


def post(plant: Plant, path: str, body: Any, *, key: str) -> Any:
    """As the simulated machines do."""
    keys = json.loads((plant.data / "demo" / "keys.json").read_text())
    headers = {
        "Authorization": f"Token {keys['SIMULATOR']}", "Idempotency-Key": key,
        "Content-Type": "application/json",
    }  # fmt: skip
    request = urllib.request.Request(f"{plant.url}/api/v1/{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def test_killed_and_started_again_it_invents_nothing(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """`kill -9` of the supervisor, then a second start: the time in between is missing, on both sides."""
    own = Plant(tmp_path_factory.mktemp("killed"), free_port())
    own.start(days=1)
    try:
        own.wait_ready()
        own.wait_live()
        wait_for(lambda: alive(own) > own.began * 1000, seconds=30, what="a live ledger")
        os.kill(own.pid, signal.SIGKILL)
        wait_for(lambda: not own.programs(), seconds=60, what="the programs to end with it")
        killed_at, samples = alive(own), int(own.progress()["samples"])
        key, pause = own.key, 8
        time.sleep(pause)
        again_at = time.time()
        own.start(days=1)
        own.wait_ready()
        own.wait_live()
        wait_for(lambda: own.progress()["samples"] > samples, seconds=60, what="new samples")
        assert (time.time() - again_at) < 120
        up_at = int(again_at * 1000)
        # The truth has a hole: no interval of the ledger lies in it.
        states = [e for e in ledger_read(own.data / "demo" / "ledger.jsonl") if e["kind"] == "state"]
        assert not [e for e in states if e["start"] < up_at - 1000 and e["end"] > killed_at + 5000]
        # And so has the product, which says so instead of guessing.
        status, body = own.look(
            f"/api/v1/equipment/L1-FILLER/kpi?start={web(killed_at + 4000)}&end={web(up_at)}",
            Authorization=f"Token {key}",
        )
        assert status == 200, body
        seconds = json.loads(body)["account"]["seconds"]
        assert set(seconds) == {"unknown"}, seconds
    finally:
        assert own.stop() == []


def alive(plant: Plant) -> int:
    """Until when the plant's clock is known to have run (ms)."""
    return round(datetime.fromisoformat(plant.progress()["at"]).timestamp() * 1000)


def web(ms: int) -> str:
    return quote(iso(ms))
