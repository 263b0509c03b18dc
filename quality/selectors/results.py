"""What was measured, for an order or anywhere."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import QuerySet

from plant.access import Actor, scoped
from quality.domain.checks import LimitsAnswer, within_limits
from quality.models import CheckImport, TestResult
from quality.selectors.belonging import belongs_to
from quality.selectors.specifications import checks_due

if TYPE_CHECKING:
    from production.models import JobOrder

RELATED = (
    "specification", "version", "equipment", "job_order", "person", "nonconformance", "superseded_by",
)  # fmt: skip


def results(actor: Actor) -> QuerySet[TestResult]:
    return scoped(TestResult.objects.select_related(*RELATED), actor)


def results_for_order(order: JobOrder) -> QuerySet[TestResult]:
    """Every result of the order, by time, corrected ones included: those have a ``superseded_by``."""
    return TestResult.objects.filter(belongs_to(order, "measured_at")).select_related(*RELATED)


def limits_answer(order: JobOrder, *, now: datetime) -> LimitsAnswer:
    """Within quality limits? Evidence: ``results_for_order`` and ``checks_due``."""
    judged = results_for_order(order).filter(superseded_by=None).values_list("judgement", flat=True)
    return within_limits(judged, overdue=len(checks_due(order, now=now)))


def result_by_key(key: str) -> TestResult | None:
    return TestResult.objects.filter(key=key).select_related(*RELATED).first()


def result_by_id(result_id: int) -> TestResult:
    """Raises TestResult.DoesNotExist."""
    return TestResult.objects.select_related(*RELATED).get(pk=result_id)


def corrected_of(result: TestResult) -> list[TestResult]:
    """The results one corrects, directly or through others, the newest first."""
    found: list[TestResult] = []
    while result.supersedes_id is not None:
        result = TestResult.objects.select_related(*RELATED).get(pk=result.supersedes_id)
        found.append(result)
    return found


def result_keys(*, specification_id: int, start: datetime) -> set[str]:
    """Keys of the results of a specification measured from ``start`` on."""
    found = TestResult.objects.filter(specification_id=specification_id, measured_at__gte=start)
    return set(found.values_list("key", flat=True))


def last_by_signal(*, specification_id: int) -> datetime | None:
    """Time of the newest result a signal gave."""
    found = TestResult.objects.filter(specification_id=specification_id, source=TestResult.Source.SIGNAL)
    return found.order_by("-measured_at").values_list("measured_at", flat=True).first()


def source_rows(*, result_ids: list[int]) -> dict[int, CheckImport]:
    """The spreadsheet row each of these results came from; results that came another way are left out."""
    return {row.result_id: row for row in CheckImport.objects.filter(result_id__in=result_ids)}


def check_imports_known(digests: list[str]) -> set[str]:
    return set(CheckImport.objects.filter(digest__in=digests).values_list("digest", flat=True))
