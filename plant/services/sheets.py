"""Reading the plant's own spreadsheets row by row: what was read, and what was expected."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from openpyxl import load_workbook

T = TypeVar("T")
BYTES = 16 * 1024 * 1024
UNPACKED_BYTES = 200 * 1024 * 1024
ROWS = 50_000
CELL = 2000


class SheetRefused(ValueError):
    """The file as a whole cannot be read, or lacks a column."""

    is_bad_input = True


@dataclass(frozen=True, slots=True)
class RowError:
    """A cell that cannot be taken; ``row`` is counted from 1 as the spreadsheet shows it."""

    row: int
    column: str
    read: str
    expected: str

    def __str__(self) -> str:
        return f"row {self.row}, {self.column}: read {self.read!r}, expected {self.expected}"


@dataclass(frozen=True, slots=True)
class Row:
    """``cells`` by column key, ``source`` by the file's own headings, all as text; ``digest`` of them."""

    number: int
    cells: Mapping[str, str]
    source: Mapping[str, str]
    digest: str


@dataclass(slots=True)
class ImportReport:
    """What an import did, or would do: one line per added row, rows known already, and rows refused."""

    file_name: str
    dry_run: bool
    added: list[str] = field(default_factory=list)
    known: int = 0
    errors: list[RowError] = field(default_factory=list)


def sheet_read(path: Path, *, columns: Mapping[str, Collection[str]], required: Collection[str]) -> list[Row]:
    """Rows of an XLSX (first sheet) or CSV file; empty rows are left out.

    ``columns`` maps each key to the headings it is known by, case and accents as written being ignored.
    Raises SheetRefused naming what was read and what was expected.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SheetRefused(f"{path.name}: {error.strerror or error}") from None
    if len(content) > BYTES:
        raise SheetRefused(f"{path.name}: {len(content)} bytes, expected at most {BYTES}")
    table = _xlsx(path.name, content) if content[:2] == b"PK" else _csv(path.name, content)
    numbered = [(number, cells) for number, cells in table if any(cells)]
    if not numbered:
        raise SheetRefused(f"{path.name}: the file is empty, expected headings in its first row")
    (_, headings), *rows = numbered
    places = _places(path.name, headings, columns, required)
    return _rows(headings, places, rows)


def _places(
    name: str, headings: list[str], columns: Mapping[str, Collection[str]], required: Collection[str]
) -> dict[str, int]:
    known = {alias.casefold(): key for key, aliases in columns.items() for alias in (key, *aliases)}
    places: dict[str, int] = {}
    for place, heading in enumerate(headings):
        key = known.get(heading.strip().casefold())
        if key is not None and key in places:
            raise SheetRefused(f"{name}: column {heading!r} is there twice")
        if key is not None:
            places[key] = place
    missing = [key for key in required if key not in places]
    if missing:
        read = ", ".join(heading for heading in headings if heading) or "nothing"
        raise SheetRefused(f"{name}: read columns {read}; expected also {', '.join(missing)}")
    return places


def _rows(headings: list[str], places: dict[str, int], rows: list[tuple[int, list[str]]]) -> list[Row]:
    seen: Counter[str] = Counter()
    found = []
    for number, cells in rows:
        padded = cells + [""] * (len(headings) - len(cells))
        named = {key: padded[place].strip() for key, place in places.items()}
        source = {
            heading or f"#{place + 1}": padded[place]
            for place, heading in enumerate(headings)
            if padded[place]
        }
        text = json.dumps(named, sort_keys=True, ensure_ascii=False)
        # Two equal rows of one file are two events; the same row of a file read again is not.
        seen[text] += 1
        digest = hashlib.sha256(f"{seen[text]} {text}".encode()).hexdigest()
        found.append(Row(number, named, source, digest))
    return found


def _csv(name: str, content: bytes) -> Iterable[tuple[int, list[str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    if "\0" in text:
        raise SheetRefused(f"{name}: read binary data, expected an XLSX or CSV file")
    first = text.split("\n", 1)[0]
    delimiter = max(";,\t", key=first.count)
    try:
        table = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise SheetRefused(f"{name}: {error}") from None
    if len(table) > ROWS:
        raise SheetRefused(f"{name}: {len(table)} rows, expected at most {ROWS}")
    return [(number, [cell[:CELL] for cell in cells]) for number, cells in enumerate(table, 1)]


def _xlsx(name: str, content: bytes) -> Iterable[tuple[int, list[str]]]:
    try:
        unpacked = sum(item.file_size for item in zipfile.ZipFile(io.BytesIO(content)).infolist())
        if unpacked > UNPACKED_BYTES:
            raise SheetRefused(f"{name}: {unpacked} bytes unpacked, expected at most {UNPACKED_BYTES}")
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        rows = book.worksheets[0].iter_rows(values_only=True, max_row=ROWS + 2)
        table = [(number, [_text(cell) for cell in cells]) for number, cells in enumerate(rows, 1)]
    except SheetRefused:
        raise
    except Exception as error:  # openpyxl answers a damaged file with whatever its parts raise
        raise SheetRefused(f"{name}: not a readable XLSX file ({type(error).__name__})") from None
    if len(table) > ROWS + 1:
        raise SheetRefused(f"{name}: more than {ROWS} rows")
    return table


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime | date):
        return cell.isoformat()
    if isinstance(cell, float):
        return f"{cell:.15g}"
    return str(cell)[:CELL]


class Cells:
    """The cells of one row as values. A bad one adds to ``errors`` and reads as None."""

    def __init__(self, row: Row, errors: list[RowError]) -> None:
        self.row, self.errors = row, errors

    def text(self, column: str, *, required: bool = False) -> str:
        read = self.row.cells.get(column, "")
        if required and not read:
            self.refuse(column, "a value")
        return read

    def refuse(self, column: str, expected: str) -> None:
        read = self.row.cells.get(column, "")
        self.errors.append(RowError(self.row.number, column, read[:80], expected))

    def instant(self, column: str, zone: ZoneInfo, *, required: bool = False) -> datetime | None:
        """A date and time; without an offset it is local, the earlier one where clocks go back."""
        read = self.text(column, required=required)
        if not read:
            return None
        for parse in (datetime.fromisoformat, _european):
            try:
                found = parse(read)
            except ValueError:
                continue
            found = found if found.tzinfo else found.replace(tzinfo=zone)
            if found.astimezone(UTC).astimezone(found.tzinfo).replace(fold=0) == found:
                return found.astimezone(UTC)
            break  # clocks went forward over it
        self.refuse(column, "a time such as 2026-03-02 14:30")
        return None

    def amount(self, column: str, *, required: bool = False) -> Decimal | None:
        """A number, with a decimal point or comma."""
        read = self.text(column, required=required)
        if not read:
            return None
        try:
            found = Decimal("".join(read.split()).replace(",", "."))
        except InvalidOperation:
            found = Decimal("NaN")
        if not found.is_finite():
            self.refuse(column, "a number such as 12.5")
            return None
        return found

    def found(self, column: str, find: Callable[[str], T | None], expected: str) -> T | None:
        """What the code in the cell stands for; an empty cell reads as None."""
        read = self.text(column)
        if not read:
            return None
        row = find(read)
        if row is None:
            self.refuse(column, expected)
        return row


def _european(read: str) -> datetime:
    for pattern in ("%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d.%m.%Y %H:%M"):
        try:
            return datetime.strptime(read, pattern)  # noqa: DTZ007  (the caller adds the site's zone)
        except ValueError:
            continue
    raise ValueError(read)
