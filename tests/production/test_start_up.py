"""Rejects of a run-up, from what a machine counted and what the plant said of starting up."""

from __future__ import annotations

from datetime import timedelta

import pytest

from plant.models import CalendarSlot
from production import selectors, services
from production.domain.missing import REJECTS, START_UP
from production.models import StartUpRule
from tests.factories.plant import Line, calendar_make, line_make
from tests.factories.production import PLANNER, at, order_make, rate_make, sender_make

pytestmark = pytest.mark.django_db
END = 3600


def line_rejecting() -> tuple[Line, CalendarSlot]:
    """One machine, a piece a second of which every tenth is rejected; a new order after half an hour."""
    line = line_make(1)
    line.unit.stale_after = timedelta(days=1)
    line.unit.save(update_fields=["stale_after"])
    rate_make(line.unit, 3600)
    sender = sender_make(line.unit, roles=("state", "good_count", "scrap_count"))
    sender.say([(0, "state", 6), *((s, "good_count", s * 9 // 10) for s in range(0, END, 10))])
    sender.say([(s, "scrap_count", s // 10) for s in range(0, END, 10)], watermark=END)
    sender.stitch()
    first, second = order_make(line), order_make(line)
    services.job_order_start(job_order_id=first.pk, at=at(0), by=PLANNER)
    services.job_order_stop(job_order_id=first.pk, at=at(1800), by=PLANNER)
    services.job_order_start(job_order_id=second.pk, at=at(1800), by=PLANNER)
    return line, calendar_make(line.line, shifts=1)[0]


def rejected(line: Line, shift: CalendarSlot) -> dict[str, int]:
    told = selectors.line_shift(line_id=line.line.pk, shift=shift)
    assert told is not None
    assert told.missing.difference == 0
    return {c.kind: round(c.pieces) for c in told.missing.causes if c.kind in (REJECTS, START_UP)}


def test_without_a_rule_all_rejects_are_one_row() -> None:
    assert rejected(*line_rejecting()) == {REJECTS: 359}


@pytest.mark.parametrize(("minutes", "pieces", "expected"), [(10, None, 60), (10, 300, 30), (None, 300, 30)])
def test_a_run_up_lasts_its_minutes_or_its_pieces_whichever_is_over_first(
    minutes: int | None, pieces: int | None, expected: int
) -> None:
    line, shift = line_rejecting()
    run_up = None if minutes is None else timedelta(minutes=minutes)
    StartUpRule.objects.create(equipment=line.line, run_up=run_up, pieces=pieces, valid_from=at(-9000))
    found = rejected(line, shift)
    assert sum(found.values()) == 359
    assert found[START_UP] == pytest.approx(expected, abs=6), "to the full minute"


def test_a_rule_holds_from_its_date_on() -> None:
    line, shift = line_rejecting()
    StartUpRule.objects.create(equipment=line.line, run_up=timedelta(minutes=10), valid_from=at(9000))
    assert rejected(line, shift) == {REJECTS: 359}
