"""Maintenance's own spreadsheet: what is added, what is known, which row is wrong and why."""

from __future__ import annotations

from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from maintenance import selectors, services
from maintenance.models import InterventionImport, MaintenanceEvent, MaintenanceRequest
from tests.factories.maintenance import xlsx_make
from tests.factories.plant import Line, actor_make, line_make, person_make, reason_make
from tests.factories.production import at

pytestmark = pytest.mark.django_db
HEADINGS = ["Machine", "Début", "Fin", "Panne", "Cause", "Travaux", "Technicien", "Pièces"]


@pytest.fixture
def line() -> Line:
    return line_make()


def rows_of(line: Line) -> list[list[Any]]:
    fitter = person_make("maintenance", line.line, badge="B4001")
    reason_make("VALVE")
    return [
        [line.unit.code, datetime(2026, 3, 2, 7, 5), datetime(2026, 3, 2, 7, 40), "fuite", "VALVE", "joint",  # noqa: DTZ001
         fitter.badge, "2 joints"],
        [line.unit.code, "03/03/2026 10:00", "03/03/2026 10:20", "bloqué", None, "graissé", None, None],
    ]  # fmt: skip


def run(path: Path, *options: str) -> str:
    out = StringIO()
    call_command("maintenance_import", str(path), *options, stdout=out, stderr=out)
    return out.getvalue()


def test_rows_become_requests_with_times_cure_and_source(line: Line, tmp_path: Path) -> None:
    path = xlsx_make(tmp_path / "interventions.xlsx", HEADINGS, rows_of(line))
    assert "would add 2, known already 0" in run(path, "--dry-run")
    assert not MaintenanceRequest.objects.exists()
    assert "added 2, known already 0" in run(path)
    request = selectors.request_of_stop(
        equipment_id=line.unit.pk, stop_start=datetime(2026, 3, 2, 6, 5, tzinfo=UTC)
    )
    assert request is not None
    assert (request.reason_code, request.description) == ("VALVE", "fuite")
    assert selectors.request_cure(request) == "joint"
    assert selectors.request_state(request) == "closed"
    assert {event.person.badge for event in request.events.all() if event.person} == {"B4001"}
    (source,) = selectors.source_rows(request)
    assert (source.file_name, source.row_number) == ("interventions.xlsx", 2)
    assert source.row["Pièces"] == "2 joints"


def test_the_same_file_adds_nothing_and_a_longer_one_only_its_new_rows(line: Line, tmp_path: Path) -> None:
    rows = rows_of(line)
    run(xlsx_make(tmp_path / "a.xlsx", HEADINGS, rows))
    events = MaintenanceEvent.objects.count()
    assert "added 0, known already 2" in run(xlsx_make(tmp_path / "b.xlsx", HEADINGS, rows))
    more = [*rows, [line.unit.code, "04/03/2026 10:00", None, "x", None, "y", None, None]]
    assert "added 1, known already 2" in run(xlsx_make(tmp_path / "c.xlsx", HEADINGS, more))
    assert InterventionImport.objects.count() == 3
    assert MaintenanceEvent.objects.count() == events + 1


def test_a_row_near_a_request_adds_its_cure_to_it(line: Line, tmp_path: Path) -> None:
    request = services.request_raise(
        equipment=line.unit, stop_start=at(370), by=actor_make("operator", line.line)
    )
    out = run(xlsx_make(tmp_path / "a.xlsx", HEADINGS, rows_of(line)))
    assert f"repair_started, repair_ended, closed for {request.code}" in out
    found = selectors.request_by_code(request.code)
    assert selectors.request_cure(found) == "joint"
    assert MaintenanceRequest.objects.count() == 2


def test_every_mistake_is_named_with_its_row_and_nothing_is_imported(line: Line, tmp_path: Path) -> None:
    rows = [
        *rows_of(line),
        ["M-404", "yesterday", None, "", "NOPE", "", "B9", None],
        [line.unit.code, "02/03/2026 10:00", "02/03/2026 09:00", "", None, "x", None, None],
        [line.unit.code, "01/01/2999 10:00", None, "", None, "x", None, None],
        [line.unit.code, "2026-03-29 02:30", None, "", None, "x", None, None],
    ]
    path = xlsx_make(tmp_path / "bad.xlsx", HEADINGS, rows)
    out = StringIO()
    with pytest.raises(CommandError, match="8 mistakes; nothing was imported"):
        call_command("maintenance_import", str(path), stdout=out, stderr=out)
    told = out.getvalue()
    for words in (
        "row 4, equipment: read 'M-404', expected the code of a machine",
        "row 4, stop_start: read 'yesterday', expected a time such as",
        "row 4, cure: read '', expected a value",
        "row 4, reason: read 'NOPE'",
        "row 4, technician: read 'B9'",
        "row 5, repair_end: read '02/03/2026 09:00', expected a time not before",
        "row 6, stop_start: read '01/01/2999 10:00', expected a time in the past",
        "row 7, stop_start: read '2026-03-29 02:30', expected a time such as",
    ):
        assert words in told
    assert not MaintenanceRequest.objects.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"a;b\n1;2\n", "expected also equipment, stop_start, cure"),
        (b"PK\x03\x04 not a workbook", "not a readable XLSX"),
        (b"\x00\x01\x02", "binary"),
        (b"machine;Machine;start;action\n", "there twice"),
    ],
)
def test_a_file_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "file.xlsx"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=words):
        call_command("maintenance_import", str(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="No such file"):
        call_command("maintenance_import", str(tmp_path / "nowhere.csv"))


def test_csv_is_read_with_semicolons_and_an_old_encoding(line: Line, tmp_path: Path) -> None:
    path = tmp_path / "interventions.csv"
    text = f"équipement;début;fin;travaux\n{line.unit.code};2026-03-02T07:00+01:00;;réglé\n"
    path.write_bytes(text.encode("cp1252"))
    run(path)
    request = MaintenanceRequest.objects.get()
    assert request.stop_start == at(0)
    assert selectors.request_cure(request) == "réglé"


def test_two_short_stops_near_each_other_stay_two(line: Line, tmp_path: Path) -> None:
    rows = [
        [line.unit.code, f"02/03/2026 10:{minute:02}", None, "x", None, "cleared", None, None]
        for minute in (0, 8)
    ]
    run(xlsx_make(tmp_path / "a.xlsx", HEADINGS, rows))
    assert MaintenanceRequest.objects.count() == 2
