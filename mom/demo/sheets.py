"""The files maintenance and quality keep for themselves: spreadsheets in their own words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.styles import Font

from mom.demo.ledger import ledger_read
from mom.demo.store import Store

INTERVENTIONS, CHECKS = "interventions.xlsx", "checks.xlsx"
INTERVENTION_HEADINGS = (
    "Équipement", "Début arrêt", "Début intervention", "Fin intervention", "Panne", "Travaux", "Technicien",
)  # fmt: skip
CHECK_HEADINGS = ("Date et heure", "Contrôle", "Valeur", "OF", "Lot", "Contrôleur", "Remarque")
RESPONSE_SHARE = 0.3
LONGEST_RESPONSE = 8 * 60_000


def sheets_write(store: Store, zone: str = "Europe/Paris") -> tuple[Path, Path]:
    """Both files from the ledger, up to what has happened so far."""
    entries = list(ledger_read(store.ledger))
    local = ZoneInfo(zone)
    interventions, checks = store.folder / INTERVENTIONS, store.folder / CHECKS
    found = [_intervention(entry, local) for entry in entries if entry["kind"] == "intervention"]
    _write(interventions, "Interventions", INTERVENTION_HEADINGS, found)
    kept = [_check(entry, local) for entry in entries if entry["kind"] == "test" and entry["in_sheet"]]
    _write(checks, "Contrôles", CHECK_HEADINGS, kept)
    return interventions, checks


def _intervention(entry: dict[str, Any], zone: ZoneInfo) -> Sequence[Any]:
    start, end = entry["start"], entry["end"]
    begun = start + min(LONGEST_RESPONSE, int((end - start) * RESPONSE_SHARE))
    return (
        entry["unit"], _minute(start, zone), _minute(begun, zone), _minute(end, zone),
        f"{entry['fault']} {entry['text']}", entry["cure"], entry["by"],
    )  # fmt: skip


def _check(entry: dict[str, Any], zone: ZoneInfo) -> Sequence[Any]:
    return (
        _minute(entry["at"], zone), entry["specification"], entry["value"], entry["order"], entry["lot"],
        entry["by"], "",
    )  # fmt: skip


def _minute(at: int, zone: ZoneInfo) -> str:
    """People write the minute, as their clock shows it."""
    return datetime.fromtimestamp(at / 1000, zone).strftime("%d/%m/%Y %H:%M")


def _write(path: Path, title: str, headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = title
    sheet.append(list(headings))
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for row in rows:
        sheet.append(list(row))
    for column, heading in zip("ABCDEFG", headings, strict=True):
        sheet.column_dimensions[column].width = max(14, len(heading) + 4)
    sheet.freeze_panes = "A2"
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
