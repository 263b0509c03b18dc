"""Orders from files: bad rows are named by line, what was read and what was expected."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from openpyxl import Workbook

from production import services
from production.models import JobOrder
from tests.factories.plant import line_make, material_make
from tests.factories.production import PLANNER

pytestmark = pytest.mark.django_db


def csv_of(line: str, product: str) -> str:
    return (
        "code;line;product;quantity;due_time;option:label\n"
        f"PO1;{line};{product};1200;02/03/2026 14:00;FR\n"
        f"PO2;{line};GHOST;many;soon;\n"
        "\n"
        f"PO3;{line};{product};12,5;;\n"
    )


def test_a_csv_file_is_shown_first_then_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line, product = line_make(1), material_make()
    file = tmp_path / "orders.csv"
    file.write_text(csv_of(line.line.code, product.code), encoding="utf-8-sig")
    with pytest.raises(CommandError, match="1 rows refused"):
        call_command("job_orders_import", str(file), "--dry-run")
    told = capsys.readouterr().out
    assert "! orders.csv:3 PO2" in told
    assert "product: read 'GHOST', expected the code of a product" in told
    assert "quantity: read 'many', expected a number above 0" in told
    assert not JobOrder.objects.exists()
    with pytest.raises(CommandError):
        call_command("job_orders_import", str(file))
    order = JobOrder.objects.get(code="PO1")
    assert order.due_time == datetime(2026, 3, 2, 13, tzinfo=UTC)  # Paris in winter
    assert order.options == {"label": "FR"}
    assert float(JobOrder.objects.get(code="PO3").quantity) == 12.5


def test_an_xlsx_file_with_real_dates_and_numbers() -> None:
    line, product = line_make(1), material_make()
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(["code", "line", "product", "quantity", "planned_start"])
    sheet.append(["PO9", line.line.code, product.code, 40, datetime(2026, 7, 1, 6)])  # noqa: DTZ001 (spreadsheets have no zones)
    content = io.BytesIO()
    book.save(content)
    [row] = services.job_orders_import(content=content.getvalue(), name="o.xlsx", by=PLANNER, dry_run=False)
    assert (row.line, row.stored.action) == (2, "stored")
    assert JobOrder.objects.get().planned_start == datetime(2026, 7, 1, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.csv", b"\xff\xfe\x00", "expected UTF-8"),
        ("a.csv", b"name,size\n1,2\n", "expected titles among"),
        ("a.xlsx", b"not a workbook", "expected an XLSX workbook"),
    ],
)
def test_a_file_that_cannot_be_read_says_so(name: str, content: bytes, said: str) -> None:
    with pytest.raises(services.Refused, match=said):
        services.job_orders_import(content=content, name=name, by=PLANNER, dry_run=True)
