"""What the seven questions say where there is no evidence, and whose stops they speak of."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.utils import timezone

from mom import questions
from mom.record.compose import operational_record
from production.models import JobOrder, Stop
from quality.domain.checks import LimitsAnswer
from tests.factories.pages import plant_running
from traceability.domain.answers import MaterialAnswer

NOW = timezone.now()
ASKED: Any = questions.Asked(JobOrder(code="OF-1"), None, None, NOW, 0)


def _overdue(monkeypatch: pytest.MonkeyPatch, answer: LimitsAnswer, names: list[str]) -> questions.Verdict:
    due = [SimpleNamespace(specification=SimpleNamespace(name=name)) for name in names]
    monkeypatch.setattr(questions.quality, "limits_answer", lambda order, now: answer)
    monkeypatch.setattr(questions.quality, "checks_due", lambda order, now: due)
    return questions.within_limits(ASKED)


def test_overdue_checks_are_named_and_leave_it_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    found = _overdue(monkeypatch, LimitsAnswer("yes", 2, 0, 0, 2), ["Fill weight", "Torque"])
    assert found == ("not_known", "2 checks overdue: Fill weight, Torque; 2 checks, all within limits")
    failed = _overdue(monkeypatch, LimitsAnswer("no", 2, 1, 0, 2), ["Fill weight", "Torque"])
    assert failed[0] == "no"
    assert _overdue(monkeypatch, LimitsAnswer("yes", 2, 0, 0, 0), [])[0] == "yes"


def test_a_material_nobody_scanned_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = MaterialAnswer("yes", (), (7,))
    monkeypatch.setattr(questions.traceability, "material_answer", lambda **asked: answer)
    monkeypatch.setattr(questions, "_materials", lambda ids: "Bottle 33 cl")
    assert questions.right_material(ASKED) == ("not_known", "no lot scanned yet of Bottle 33 cl")


@pytest.mark.django_db
def test_the_losses_question_counts_the_stops_of_every_machine_as_the_badge_does() -> None:
    plant = plant_running()
    order = JobOrder.objects.get(line__code="L2", state="running")
    other = Stop.objects.filter(work_unit__parent__code="L2", end_time__isnull=False)
    stop = other.exclude(work_unit=plant.units["L2"][0]).order_by("-start_time")[0]
    Stop.objects.filter(pk=stop.pk).update(needs_reason=True)
    answers = {
        answer.key: answer for answer in questions.seven_questions(job_order_id=order.pk, now=plant.now)
    }
    assert answers["losses"].verdict == "no"
    assert answers["losses"].because.endswith("without a reason")
    record = operational_record(order.code, now=plant.now)
    told = next(answer for answer in record.questions if answer.key == "losses")
    waiting = record.completeness.uncoded_stops
    assert waiting
    assert (told.verdict, told.because.split()[0]) == ("no", str(waiting))
