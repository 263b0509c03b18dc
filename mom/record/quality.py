"""Test results and deviations of the order, with what was decided about the product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as late

from mom.pages.words import quantity
from mom.record.model import DeviationRow, TestRow
from quality import selectors as quality

if TYPE_CHECKING:
    from decimal import Decimal

    from production.models import JobOrder
    from quality.models import Nonconformance, TestResult

DISPOSITIONS = {
    "use_as_is": late("used as it is"),
    "rework": late("reworked"),
    "scrap": late("scrapped"),
    "return": late("sent back"),
    "hold": late("on hold"),
}
FINAL = frozenset({"use_as_is", "rework", "scrap", "return"})
SOURCES = {
    "tablet": late("tablet"),
    "api": late("API"),
    "signal": late("signal"),
    "import": late("spreadsheet"),
}


def limits_words(lower: Decimal | None, upper: Decimal | None, unit: str) -> str:
    if lower is None and upper is None:
        return "–"
    if lower is None:
        return f"≤ {quantity(upper)} {unit}".strip()
    if upper is None:
        return f"≥ {quantity(lower)} {unit}".strip()
    return f"{quantity(lower)} – {quantity(upper)} {unit}".strip()


def tests(order: JobOrder) -> tuple[TestRow, ...]:
    return tuple(_test(row) for row in quality.results_for_order(order))


def _test(row: TestResult) -> TestRow:
    specification = row.specification
    return TestRow(
        name=specification.name or specification.code,
        value=f"{quantity(row.value)} {row.unit}".strip(),
        limits=limits_words(row.lower, row.upper, row.unit),
        verdict=row.judgement,
        at=row.measured_at,
        by=str(row.person) if row.person else "",
        source=str(SOURCES.get(row.source, row.source)),
        evidence=f"/api/v1/test-results?job_order={row.job_order.code if row.job_order else ''}",
        version=row.version.number if row.version else None,
        replaced=hasattr(row, "superseded_by"),
        corrects=row.why,
    )


def deviations(order: JobOrder) -> tuple[DeviationRow, ...]:
    return tuple(_deviation(row, order.unit) for row in quality.nonconformances_for_order(order))


def _deviation(row: Nonconformance, unit: str) -> DeviationRow:
    decided = quality.disposition_in_force(row.pk)
    word = str(DISPOSITIONS.get(decided.decision, decided.decision)) if decided else ""
    return DeviationRow(
        code=row.code,
        title=row.description,
        state=decided.decision if decided else "open",
        quantity=decided.quantity if decided else None,
        unit=unit,
        disposition=word,
        decided_by=(str(decided.said_by) if decided.said_by else decided.said_by_rule) if decided else "",
        decided_at=decided.said_at if decided else None,
        at=row.opened_at,
        evidence=f"/api/v1/nonconformances/{row.code}",
    )
