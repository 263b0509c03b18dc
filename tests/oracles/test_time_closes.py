"""Time always closes: whatever machines send in whatever order, whatever people say, cut, join and take back.

Source: issue 3 and domain.md §3, §4 and §7: 0 s unexplained, parts sum to the whole to the microsecond.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from plant.domain.calendar import Slot
from plant.domain.intervals import Interval, covers_once
from plant.models import Reason
from production import selectors
from production.domain.account import Account, Known, Said, account
from production.domain.parts import Part, Step, merge, split, undo
from production.models import ReasonAssertion
from production.selectors.stopped import in_force
from production.services.rebuilding import rebuild_check
from tests.factories.plant import reason_make, slot_make
from tests.factories.production import Said as Sent
from tests.factories.production import at
from tests.oracles.rest_plant import RestLine, amount, rest_line_make
from tests.strategies import LONGEST, T0, histories, seconds_after, slots, windows

CLASSES = {"JAM": "breakdown", "SETUP": "setup", "AWAY": "no_operator", "CARE": "planned_maintenance"}
reasons = st.sampled_from(sorted(CLASSES))


def parts(told: Account) -> list[Any]:
    """What an account says, without which entry says it; equal neighbours are one."""
    found: list[Any] = []
    for segment in told.segments:
        bare = replace(segment, assertion_id=None)
        if found and replace(found[-1], end=bare.end) == replace(bare, start=found[-1].start):
            found[-1] = replace(found[-1], end=bare.end)
        else:
            found.append(bare)
    return found


class Entries:
    """Entries as the services write them, each with an id; those superseded are in force no more."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self._number = 0

    def write(self, steps: list[Step]) -> list[Part]:
        made = []
        for step in steps:
            self._number += 1
            self.said = [item for item in self.said if item.assertion_id != step.supersedes]
            part, code = replace(step.part, entry=self._number), step.part.reason_code
            made.append(part)
            if code:
                self.said.append(Said(part.start, part.end, code, CLASSES[code], self._number))
        return made


@settings(deadline=None)
@given(histories(), windows(), reasons, reasons, reasons, st.data())
def test_a_stop_said_cut_joined_and_taken_back_closes_and_ends_where_it_began(
    history: Known, window: Interval, whole: str, second: str, joined: str, data: st.DataObject
) -> None:
    ended = [s for s in history.stops if s.end and s.end - s.start > timedelta(seconds=1)]
    if not ended:
        return
    stop = data.draw(st.sampled_from(ended))
    assert stop.end is not None
    inside = int((stop.end - stop.start) / timedelta(microseconds=1)) - 1
    cut = stop.start + timedelta(microseconds=data.draw(st.integers(1, inside)))
    entries = Entries()

    def told() -> list[Any]:
        found = account(window, replace(history, reasons=[*history.reasons, *entries.said]))
        assert covers_once(window, found.segments)
        assert found.unexplained == timedelta()
        assert sum(found.durations.values(), timedelta()) == found.span
        return parts(found)

    [said] = entries.write([Step(Part(stop.start, stop.end, whole), None)])
    before = told()
    left, right = entries.write(split(said, cut, whole, whole))
    assert told() == before, "cut in two with one reason it says the same"
    said, _ = entries.write(undo([left, right], [said]))
    assert told() == before
    left, right = entries.write(split(said, cut, whole, second))
    apart = told()
    both = entries.write(merge(left, right, joined))
    told()
    entries.write(undo(both, [left, right]))
    assert told() == apart


VALUES: dict[str, st.SearchStrategy[Any]] = {
    "state": st.sampled_from([6, 6, 2, 11, 51, 99]),
    "mode": st.sampled_from(["produce", "setup", "maintenance"]),
    "fault_code": st.sampled_from([0, 17]),
    "good_count": st.integers(0, 3000),
    "order": st.sampled_from(["", "A", "B"]),
}
sent = st.tuples(st.integers(0, LONGEST), st.sampled_from(sorted(VALUES))).flatmap(
    lambda item: st.tuples(
        st.just(item[0]), st.just(item[1]), VALUES[item[1]], st.sampled_from([False, False, False, True])
    )
)
# Enough to speak about: three stops on an order, one of them short.
STORY: list[Sent] = [
    (0, "order", "A"),
    *((float(second), "process_value", 1) for second in range(0, LONGEST, 600)),
    *((second, "state", number) for second, number in ((0, 6), (1000, 11), (3000, 6), (5000, 2), (5060, 6))),
    *((second, "state", number) for second, number in ((8000, 9), (12_000, 6))),
]
# What arrives before people speak, and after they did.
batches = st.lists(st.lists(sent, max_size=12), min_size=1, max_size=3)
acts = st.lists(
    st.tuples(
        st.sampled_from(["say", "open", "split", "split", "merge", "undo"]),
        st.integers(0, 9),
        reasons,
        st.integers(1, 99),
    ),
    min_size=2,
    max_size=6,
)


@pytest.mark.django_db
@settings(
    max_examples=4,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batches, batches, acts, slots())
def test_any_arrival_and_anything_people_say_close_and_are_those_of_everything_in_order(
    early: list[list[Sent]], late: list[list[Sent]], said: list[Any], planned: list[Slot] | None
) -> None:
    for code in set(CLASSES) - set(Reason.objects.values_list("code", flat=True)):
        reason_make(code, CLASSES[code])
    one, other = line_made(planned), line_made(planned)
    sender = one.senders[0]
    for batch in [STORY, *early]:
        sender.say(batch)
        sender.stitch()
    for act in said:
        speak(one, *act)
    for batch in late:
        sender.say(batch, LONGEST)
        sender.stitch()
    everything = [item for batch in [STORY, *early, *late] for item in batch]
    other.senders[0].say(sorted(everything, key=lambda item: item[0]), LONGEST)
    other.senders[0].stitch()
    for row in in_force([sender.unit.pk]).order_by("said_at", "pk"):
        ReasonAssertion.objects.create(
            equipment=other.line.unit, start_time=row.start_time, end_time=row.end_time, reason=row.reason
        )
    assert told(one) == told(other)
    assert rebuild_check(work_unit_ids=[line.line.unit.pk for line in (one, other)]).lines == []


def line_made(planned: list[Slot] | None) -> RestLine:
    roles = (*VALUES, "process_value")
    made = rest_line_make(T0, per_hour=3600, roles=roles, stale_after=timedelta(seconds=900))
    for slot in planned or ():
        slot_make(made.line.line, slot.start, slot.end, kind=slot.kind, code=slot.code)
    return made


def speak(line: RestLine, verb: str, number: int, code: str, percent: int) -> None:
    """Do one thing by REST, if there is something to do it to; a refusal says why and changes nothing."""
    unit, rows = line.line.unit, list(in_force([line.line.unit.pk]).order_by("start_time", "pk"))
    stops = sorted(line.stops(), key=lambda stop: stop["start_time"])
    path, body = "", {}
    if verb in ("say", "open", "split") and stops:
        stop = stops[number % len(stops)]
        seen = {"equipment": unit.code, "start_time": stop["start_time"], "seen_end": stop["end_time"]}
        if verb == "split":
            path, body = "splits", {**seen, **cut_of(line, stop, percent), "reasons": [code, "CARE"]}
        else:
            end = stop["end_time"] if verb == "say" else None
            path, body = "reasons", {**seen, "end_time": end, "reason": code}
            body["supersedes"] = stop["assertion"] if number % 2 else None
    elif verb == "merge" and len(rows) > 1:
        left = number % (len(rows) - 1)
        path, body = "merges", {"left": rows[left].pk, "right": rows[left + 1].pk, "reason": code}
    elif verb == "undo" and rows:
        path, body = "undos", {"entry": rows[number % len(rows)].pk}
    if path:
        key = {"Idempotency-Key": str(uuid.uuid4())}
        answer = line.caller.post(f"/api/v1/stops/{path}", body, format="json", headers=key)
        assert answer.status_code in (201, 400, 409), (path, body, answer.content)
        event(f"{verb} {answer.status_code}")


def cut_of(line: RestLine, stop: Any, percent: int) -> dict[str, Any]:
    """Where to cut what was said of a stop, or the stop nobody has explained."""
    entry = ReasonAssertion.objects.filter(pk=stop["assertion"]).first()
    begin = datetime.fromisoformat(stop["start_time"]) if entry is None else entry.start_time
    end = None if entry is None else entry.end_time
    end = end or datetime.fromisoformat(stop["end_time"] or at(LONGEST).isoformat())
    cut = begin + (end - begin) * percent / 100
    return {"start_time": begin.isoformat(), "at": cut.isoformat(), "seen": stop["assertion"]}


def told(line: RestLine) -> tuple[Any, ...]:
    """All a machine's account says, in the domain's words and REST's, having checked that both close."""
    window = (seconds_after(0), seconds_after(LONGEST))
    found = selectors.account(equipment_id=line.line.unit.pk, start=window[0], end=window[1])
    if found is None:
        return ()
    assert found.unexplained == timedelta()
    assert covers_once(Interval(found.start, found.end), found.segments)
    by_rest = line.kpi(found.start, found.end)
    seconds = {name: amount(value) for name, value in by_rest["account"]["seconds"].items()}
    assert {name: float(value) for name, value in seconds.items()} == {
        name: time.total_seconds() for name, time in found.durations.items()
    }
    stops = [
        (stop["start_time"], stop["end_time"], stop["size"], stop["needs_reason"], stop["reason"])
        for stop in line.stops()
    ]
    return parts(found), seconds, by_rest["iso_22400_2"], stops
