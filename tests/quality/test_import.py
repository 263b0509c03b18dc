"""Quality's own spreadsheet of checks."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from quality import selectors
from quality.models import CheckImport, Nonconformance, TestResult, TestSpecification
from tests.factories.maintenance import xlsx_make
from tests.factories.plant import person_make
from tests.factories.quality import specification_make
from tests.factories.traceability import Bottling, bottling_make, order_make

pytestmark = pytest.mark.django_db
HEADINGS = ["Heure", "Contrôle", "Valeur", "OF", "Lot", "Échantillon", "Contrôleur", "Remarque"]


@pytest.fixture
def scene() -> Bottling:
    return bottling_make()


@pytest.fixture
def torque(scene: Bottling) -> TestSpecification:
    return specification_make(scene.line.unit)


def rows_of(scene: Bottling, torque: TestSpecification) -> list[list[Any]]:
    inspector = person_make("quality", scene.line.line)
    moment = datetime(2026, 3, 2, 8, 0)  # noqa: DTZ001  (a spreadsheet knows no zone)
    return [
        [moment, torque.code, 1.7, scene.order.code, "PAL-1", 1, inspector.badge, "ok"],
        [moment, torque.code, "1,65", scene.order.code, "PAL-1", 2, None, None],
        [moment, torque.code, "1,65", scene.order.code, "PAL-1", 2, None, None],
        ["02/03/2026 08:30", torque.code, "2,4", None, None, None, None, None],
    ]


def run(path: Path, *options: str) -> str:
    out = StringIO()
    call_command("quality_import", str(path), *options, stdout=out, stderr=out)
    return out.getvalue()


def test_rows_become_judged_results_that_show_their_source(
    scene: Bottling, torque: TestSpecification, tmp_path: Path
) -> None:
    path = xlsx_make(tmp_path / "checks.xlsx", HEADINGS, rows_of(scene, torque))
    told = run(path, "--dry-run")
    assert "would add 4" in told
    assert f"row 5: new {torque.code} 2.4 fail 2026-03-02 07:30" in told
    assert not TestResult.objects.exists()
    assert not Nonconformance.objects.exists()
    assert "added 4" in run(path)
    results = list(selectors.results_for_order(scene.order))
    assert [result.value for result in results] == [Decimal(text) for text in ("1.7", "1.65", "1.65", "2.4")]
    assert {result.source for result in results} == {"import"}
    assert results[0].measured_at == datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
    assert results[0].person is not None
    sources = selectors.source_rows(result_ids=[result.pk for result in results])
    assert {row.row_number for row in sources.values()} == {2, 3, 4, 5}
    assert sources[results[0].pk].row["Remarque"] == "ok"
    assert Nonconformance.objects.count() == 1


def test_the_same_file_adds_nothing(scene: Bottling, torque: TestSpecification, tmp_path: Path) -> None:
    rows = rows_of(scene, torque)
    run(xlsx_make(tmp_path / "a.xlsx", HEADINGS, rows))
    assert "added 0, known already 4" in run(xlsx_make(tmp_path / "renamed.xlsx", HEADINGS, rows))
    assert (TestResult.objects.count(), CheckImport.objects.count()) == (4, 4)


def test_every_mistake_is_named_and_nothing_is_imported(
    scene: Bottling, torque: TestSpecification, tmp_path: Path
) -> None:
    rows = [
        *rows_of(scene, torque),
        ["02/03/2026 09:00", "TS-NO", "1,7", None, None, None, None, None],
        ["02/03/2026 09:00", torque.code, "about 2", "PO-NO", None, "1.5", "B-NO", None],
        [None, torque.code, None, None, None, None, None, None],
    ]
    out = StringIO()
    with pytest.raises(CommandError, match="7 mistakes; nothing was imported"):
        call_command(
            "quality_import", str(xlsx_make(tmp_path / "x.xlsx", HEADINGS, rows)), stdout=out, stderr=out
        )
    told = out.getvalue()
    for words in (
        "row 6, specification: read 'TS-NO', expected the code of a check known here",
        "row 7, value: read 'about 2', expected a number such as 12.5",
        "row 7, job_order: read 'PO-NO', expected an order known here",
        "row 7, sample_number: read '1.5', expected a whole number",
        "row 7, inspector: read 'B-NO', expected a badge known here",
        "row 8, measured_at: read '', expected a value",
        "row 8, value: read '', expected a value",
    ):
        assert words in told
    assert not TestResult.objects.exists()


def test_what_the_service_refuses_is_a_mistake_of_its_row(
    scene: Bottling, torque: TestSpecification, tmp_path: Path
) -> None:
    torque.products = [scene.order.product.code]
    torque.save()
    other = order_make(scene.line.line)
    rows = [
        *rows_of(scene, torque),
        ["02/03/2026 09:00", torque.code, "1,7", other.code, None, None, None, None],
        ["02/03/2999 09:00", torque.code, "1,7", None, None, None, None, None],
    ]
    out = StringIO()
    with pytest.raises(CommandError, match="2 mistakes"):
        call_command(
            "quality_import", str(xlsx_make(tmp_path / "x.xlsx", HEADINGS, rows)), stdout=out, stderr=out
        )
    assert f"row 6, specification: read '{torque.code} for {other.product.code}'" in out.getvalue()
    assert "row 7, measured_at: read '2999-03-02T08:00:00+00:00'" in out.getvalue()
    assert not TestResult.objects.exists()
