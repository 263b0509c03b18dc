"""Job orders from a CSV or XLSX file: what each row would do, or does; bad rows are named and stop nothing
else.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zipfile import BadZipFile
from zoneinfo import ZoneInfo

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from plant import selectors as plant
from plant.access import Actor
from production.services.assertions import Refused
from production.services.plan_reading import FIELDS, INSTANTS
from production.services.plans import Stored, job_orders_store

OPTION = "option:"
MOST_ROWS = 20_000
LARGEST = 10 * 1024 * 1024
FORMS = ("%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S")


@dataclass(frozen=True, slots=True)
class ImportResult:
    """What became of one row. ``line`` is its number in the file, the title row being 1."""

    line: int
    stored: Stored


def job_orders_import(
    *, content: bytes, name: str, by: Actor, dry_run: bool, why: str = ""
) -> list[ImportResult]:
    """Store the orders of a file, or tell what storing them would do.

    First row: field names of ``job_orders_store`` in any order, ``option:NAME`` for options. Times without a
    zone are
    local times of the line's site. Raises Refused, with what was read and expected, for a file that cannot
    be read.
    """
    if len(content) > LARGEST:
        raise Refused(f"file: read {len(content)} bytes, expected at most {LARGEST}")
    rows = _xlsx_rows(content) if Path(name).suffix.lower() in (".xlsx", ".xlsm") else _csv_rows(content)
    numbered = [(line, row) for line, row in rows if any(value not in (None, "") for value in row.values())]
    if len(numbered) > MOST_ROWS:
        raise Refused(f"file: read {len(numbered)} rows, expected at most {MOST_ROWS}")
    zones: dict[str, ZoneInfo] = {}
    items = [_item(row, zones) for _, row in numbered]
    results = job_orders_store(items=items, by=by, why=why, dry_run=dry_run)
    return [ImportResult(line, stored) for (line, _), stored in zip(numbered, results, strict=True)]


def _csv_rows(content: bytes) -> list[tuple[int, dict[str, Any]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Refused(
            f"file: read a byte {error.object[error.start]:#x} at {error.start}, expected UTF-8"
        ) from None
    first = text.split("\n", 1)[0]
    reader = csv.reader(io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ",")
    titles = next(reader, [])
    return _rows(titles, ((reader.line_num, cells) for cells in reader))


def _xlsx_rows(content: bytes) -> list[tuple[int, dict[str, Any]]]:
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (BadZipFile, InvalidFileException, KeyError, ValueError, OSError):
        raise Refused("file: read something else, expected an XLSX workbook") from None
    lines = book.worksheets[0].iter_rows(values_only=True)
    titles = [str(cell or "") for cell in next(lines, ())]
    return _rows(titles, ((number, list(cells)) for number, cells in enumerate(lines, 2)))


def _rows(titles: list[str], lines: Iterable[tuple[int, list[Any]]]) -> list[tuple[int, dict[str, Any]]]:
    names = [title.strip() for title in titles]
    known = [name for name in names if name in FIELDS or name.startswith(OPTION)]
    if "code" not in known:
        raise Refused(f"line 1: read {names[:12]}, expected titles among {sorted(FIELDS)}")
    found = []
    for number, cells in lines:
        row = {name: cell for name, cell in zip(names, cells, strict=False) if name}
        extra = [cell for cell in cells[len(names) :] if cell not in (None, "")]
        found.append((number, {**row, "": extra[0]} if extra else row))
    return found


def _item(row: Mapping[str, Any], zones: dict[str, ZoneInfo]) -> dict[str, Any]:
    """A row as an item: empty cells left out, local times given their zone."""
    item: dict[str, Any] = {}
    options: dict[str, str] = {}
    for name, cell in row.items():
        value = cell.strip() if isinstance(cell, str) else cell
        if value in (None, ""):
            continue
        if name.startswith(OPTION):
            options[name.removeprefix(OPTION)] = str(value)
        elif name in INSTANTS:
            item[name] = _instant(value, str(row.get("line") or ""), zones)
        elif name == "released":
            item[name] = {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower(), value)
        elif name == "quantity" and isinstance(value, str):
            item[name] = value.replace(",", ".") if value.count(",") == 1 and "." not in value else value
        else:
            item[name] = str(int(value)) if isinstance(value, float) and value.is_integer() else value
    return item | ({"options": options} if options else {})


def _instant(value: Any, line: str, zones: dict[str, ZoneInfo]) -> Any:
    """A time with its zone; what is no time is passed on, to be refused with what was expected."""
    at = value if isinstance(value, datetime) else _parsed(str(value))
    if at is None or at.tzinfo is not None:
        return at or value
    if line not in zones:
        found: Any = plant.configuration_rows("plant.Equipment", code=line).first()
        if found is None:
            return value
        zones[line] = plant.site_zone(found)
    return at.replace(tzinfo=zones[line])


def _parsed(text: str) -> datetime | None:
    for form in FORMS:
        try:
            return datetime.strptime(text, form)  # noqa: DTZ007 (the site's zone is put on it by the caller)
        except ValueError:
            continue
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
