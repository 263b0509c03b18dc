"""One machine that cannot be stitched is named, and stops no other."""

from __future__ import annotations

import logging
import sys
from typing import Any

import pytest

from mom import health
from plant.access import Actor, Grant
from production import services, tasks
from production.models import StateInterval, StitchCheckpoint, StitchFailure
from production.services import failing
from tests.factories.production import PLANNER, Sender, sender_make

pytestmark = pytest.mark.django_db


def finding(actor: Actor = PLANNER) -> health.Finding:
    (one,) = [row for row in health.findings_for(actor) if row.check == "stitching"]
    return one


def broken(monkeypatch: pytest.MonkeyPatch, sender: Sender) -> None:
    """Stitching this machine writes, and then fails inside its transaction."""
    done = services.stitch

    def stitch(*, work_unit_id: int) -> Any:
        if work_unit_id == sender.unit.pk:
            raise ArithmeticError("no such number\nat all")
        return done(work_unit_id=work_unit_id)

    monkeypatch.setattr(failing, "stitch", stitch)


@pytest.fixture
def senders() -> list[Sender]:
    """Two machines with samples nobody stitched; the first in order will fail."""
    both = sorted([sender_make(), sender_make()], key=lambda sender: sender.unit.pk)
    for sender in both:
        sender.say([(0, "state", 6), (60, "state", 11)], watermark=100)
    return both


def test_a_machine_that_fails_is_named_and_the_others_are_stitched(senders, monkeypatch, caplog):
    first, second = senders
    with monkeypatch.context() as patched, caplog.at_level(logging.ERROR):
        broken(patched, first)
        for _ in range(3):
            tasks.sweep()
    assert [row.work_unit_id for row in StitchCheckpoint.objects.all()] == [second.unit.pk]
    told = [record for record in caplog.records if record.name == failing.__name__]
    assert len(told) == 1, "said once, not at every sweep"
    assert first.unit.code in told[0].getMessage()
    assert told[0].exc_info is not None
    row = StitchFailure.objects.get()
    assert (row.work_unit_id, row.error) == (first.unit.pk, "ArithmeticError: no such number")
    failed = finding()
    assert failed.status is health.Status.FAIL
    assert first.unit.code in failed.cause
    assert "no such number" in failed.cause
    assert "rebuild" in failed.fix
    elsewhere = Actor(label="B1", grants=(Grant("operator", "/NOWHERE/"),))
    assert first.unit.code not in finding(elsewhere).cause
    tasks.sweep()
    assert not StitchFailure.objects.exists()
    assert finding().status is health.Status.OK
    assert StateInterval.objects.filter(work_unit=first.unit).exists(), "its samples waited"


def test_rules_that_fail_on_one_machine_still_speak_of_the_others(senders, monkeypatch, caplog):
    tasks.sweep()
    asked: list[int] = []

    def speak(*, work_unit_id: int, reach: Any) -> int:
        asked.append(work_unit_id)
        if len(asked) == 1:
            raise ArithmeticError("odd")
        return 1

    # The package has a function of the module's name.
    monkeypatch.setattr(sys.modules["production.services.reasons_auto"], "reasons_auto", speak)
    assert services.reasons_catch_up() == 1
    assert asked == [sender.unit.pk for sender in senders]
    assert "odd" in caplog.text
