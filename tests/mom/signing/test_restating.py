"""One signed shift that cannot be compared stops no other."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from mom.signing import services
from mom.signing.models import ShiftReport
from tests.factories.plant import line_make, person_make

pytestmark = pytest.mark.django_db


def test_a_report_that_cannot_be_compared_stops_no_other(monkeypatch, caplog) -> None:
    now = timezone.now()
    reports = []
    for _ in range(2):
        line = line_make(1).line
        reports.append(
            ShiftReport.objects.create(
                line=line,
                shift_code="M",
                production_day=now.date(),
                start_time=now - timedelta(hours=9),
                end_time=now - timedelta(hours=1),
                figures={},
                digest="",
                said_by=person_make("supervisor", line),
                said_at=now,
            )
        )
    seen: list[int] = []

    def restate(report: ShiftReport, at: datetime) -> bool:
        seen.append(report.pk)
        if len(seen) == 1:
            raise ArithmeticError("odd")
        return True

    monkeypatch.setattr(services, "_restate", restate)
    assert services.restatements_find() == 1
    assert sorted(seen) == sorted(report.pk for report in reports)
    assert "odd" in caplog.text
