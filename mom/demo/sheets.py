"""The files maintenance and quality keep for themselves: spreadsheets in their own words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from openpyxl import Workbook
from openpyxl.styles import Font

from mom.demo.engine import Engine
from mom.demo.events import Truth
from mom.demo.ledger import ledger_read
from mom.demo.spec import PlantSpec
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
    return sheets_of(ledger_read(store.ledger), store.folder, zone)


def sheets_of(entries: Iterable[dict[str, Any]], folder: Path, zone: str) -> tuple[Path, Path]:
    """The interventions and the checks kept in sheets, as (interventions, checks) files in a folder."""
    local = ZoneInfo(zone)
    found: list[Sequence[Any]] = []
    kept: list[Sequence[Any]] = []
    for entry in entries:
        if entry["kind"] == "intervention":
            found.append(_intervention(entry, local))
        elif entry["kind"] == "test" and entry["in_sheet"]:
            kept.append(_check(entry, local))
    interventions, checks = folder / INTERVENTIONS, folder / CHECKS
    _write(interventions, "Interventions", INTERVENTION_HEADINGS, found)
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


def sheets_example(spec: PlantSpec, folder: Path, *, start: int, days: int) -> tuple[Path, Path]:
    """The files of a plant simulated from ``start`` (ms) on, with no orders: they fit every installation."""
    events = Engine(spec, start).advance(start + days * 86_400_000)
    entries = (
        {"kind": event.kind, "at": event.at, **event.data, "order": "", "lot": ""}
        for event in events
        if isinstance(event, Truth)
    )
    return sheets_of(entries, folder, spec.zone)
