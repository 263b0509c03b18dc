"""Maintenance and quality keep their own files; the product takes them as they are."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from maintenance.services import interventions_import
from mom.demo.sheets import CHECKS, INTERVENTIONS, sheets_example
from mom.demo.spec import PlantSpec
from mom.plant_file.loading import plant_load
from plant.access import rule
from quality.services import checks_import

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
START = int(datetime(2026, 1, 5, 4, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def plant_loaded() -> None:
    file = EXAMPLES / "demo_plant.yaml"
    plant_load(text=file.read_text(), file=file.name, by=rule("test"), now=datetime.now(UTC))


def rows(path: Path) -> list[tuple[Any, ...]]:
    sheet = load_workbook(path).active
    assert sheet is not None
    return list(sheet.iter_rows(min_row=2, values_only=True))


def headings(path: Path) -> list[Any]:
    sheet = load_workbook(path).active
    assert sheet is not None
    return [cell.value for cell in sheet[1]]


@pytest.mark.django_db
def test_the_example_files_are_taken_as_they_are(plant_loaded: None) -> None:
    interventions = interventions_import(path=EXAMPLES / INTERVENTIONS, by=rule("test"))
    checks = checks_import(path=EXAMPLES / CHECKS, by=rule("test"))
    assert not interventions.errors
    assert not checks.errors
    assert len(interventions.added) == len(rows(EXAMPLES / INTERVENTIONS)) > 5
    assert len(checks.added) == len(rows(EXAMPLES / CHECKS)) > 30


def test_the_files_are_made_from_the_ledger_in_the_words_of_the_examples(
    plant: PlantSpec, tmp_path: Path
) -> None:
    machines = {machine.code for line in plant.lines for machine in line.machines}
    interventions, checks = sheets_example(plant, tmp_path, start=START, days=3)
    assert {row[0] for row in rows(interventions)} <= machines
    assert {row[1] for row in rows(checks)} == {"TS-L1-TORQUE", "TS-L2-OUTLET"}
    for path in (interventions, checks):
        assert headings(path) == headings(EXAMPLES / path.name)
