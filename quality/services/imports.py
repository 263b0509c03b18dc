"""Quality's own spreadsheet of checks becomes results, judged like any other."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction
from django.utils import timezone

from plant import selectors as plant
from plant.access import Actor
from plant.services.sheets import Cells, ImportReport, Row, RowError, sheet_read
from production.selectors.lookups import job_order_for_code
from quality import selectors
from quality.models import CheckImport, TestSpecification
from quality.services.refusals import CheckRefused
from quality.services.results import Measurement, result_record

if TYPE_CHECKING:
    from plant.models import Person
    from production.models import JobOrder

COLUMNS = {
    "measured_at": ("time", "date", "heure", "date et heure", "measured at"),
    "specification": ("check", "contrôle", "controle", "spécification", "test"),
    "value": ("result", "valeur", "mesure", "measured"),
    "job_order": ("order", "of", "ordre de fabrication", "production order"),
    "lot": ("lot code", "lot n°"),
    "sample_number": ("sample", "échantillon", "n°"),
    "gauge": ("instrument", "appareil"),
    "inspector": ("badge", "contrôleur", "done by"),
    "comment": ("remark", "commentaire", "remarque"),
}
REQUIRED = ("measured_at", "specification", "value")


class _Check:
    """One row as values; read completely before anything is written."""

    def __init__(self, row: Row, errors: list[RowError], by: Actor) -> None:
        cells = Cells(row, errors)
        self.row = row
        cells.text("specification", required=True)
        self.specification: TestSpecification | None = cells.found(
            "specification", _specification, "the code of a check known here"
        )
        place = self.specification.equipment if self.specification else None
        if place and not by.may("quality.record", place):
            cells.refuse("specification", "a check of a place you may record for")
        zone = plant.site_zone(place) if place else timezone.get_default_timezone()
        self.measured_at = cells.instant("measured_at", zone, required=True)
        self.value = cells.amount("value", required=True)
        self.order: JobOrder | None = cells.found("job_order", _order, "an order known here")
        self.inspector: Person | None = cells.found("inspector", plant.person_at_badge, "a badge known here")
        self.sample = _sample(cells)

    def measurement(self) -> Measurement:
        assert self.measured_at is not None
        assert self.value is not None
        return Measurement(
            value=self.value,
            measured_at=self.measured_at,
            job_order_id=self.order.pk if self.order else None,
            lot_code=self.row.cells.get("lot", ""),
            sample_number=self.sample,
            gauge=self.row.cells.get("gauge", "")[:60],
            comment=self.row.cells.get("comment", ""),
            measured_by_id=self.inspector.pk if self.inspector else None,
        )


def _specification(code: str) -> TestSpecification | None:
    try:
        return selectors.specification_by_code(code)
    except TestSpecification.DoesNotExist:
        return None


def _order(code: str) -> JobOrder | None:
    try:
        return job_order_for_code(code)
    except ObjectDoesNotExist:
        return None


def _sample(cells: Cells) -> int | None:
    number: Decimal | None = cells.amount("sample_number")
    if number is None:
        return None
    if number != number.to_integral_value() or not 0 <= number < 2**31:
        cells.refuse("sample_number", "a whole number")
        return None
    return int(number)


def checks_import(*, path: Path, by: Actor, dry_run: bool = False) -> ImportReport:
    """Add the rows that are not known yet; with any row refused, none. Raises SheetRefused."""
    by.require("quality.record")
    rows = sheet_read(path, columns=COLUMNS, required=REQUIRED)
    report = ImportReport(path.name, dry_run)
    known = selectors.check_imports_known([row.digest for row in rows])
    fresh = [row for row in rows if row.digest not in known]
    report.known = len(rows) - len(fresh)
    read = [_Check(row, report.errors, by) for row in fresh]
    if report.errors:
        return report
    with transaction.atomic():
        report.added = [line for item in read if (line := _add(item, path.name, by, report.errors))]
        transaction.set_rollback(dry_run or bool(report.errors))
    return report


def _add(item: _Check, file_name: str, by: Actor, errors: list[RowError]) -> str:
    assert item.specification is not None
    try:
        with transaction.atomic():
            result = result_record(
                specification_code=item.specification.code,
                measurement=item.measurement(),
                by=by,
                source="import",
                key=f"import:{item.row.digest}",
            )
    except CheckRefused as refusal:
        column, _, rest = str(refusal).partition(": read ")
        read, _, expected = rest.partition(", expected ")
        errors.append(RowError(item.row.number, column, read or str(refusal), expected or "something else"))
        return ""
    CheckImport.objects.create(
        file_name=file_name,
        row_number=item.row.number,
        row=dict(item.row.source),
        digest=item.row.digest,
        result=result,
    )
    order = f" in {result.job_order.code}" if result.job_order else ""
    at: datetime = result.measured_at
    return (
        f"row {item.row.number}: new {item.specification.code} {result.value.normalize():f} "
        f"{result.judgement} {at:%Y-%m-%d %H:%M}{order}"
    )
