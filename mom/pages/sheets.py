"""Rows out as CSV or XLSX and in from either: separators of the reader's language, formulas made harmless."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.utils.formats import get_format
from django.utils.translation import gettext as _
from openpyxl import Workbook, load_workbook

Cell = str | int | Decimal | datetime | None
# A spreadsheet runs a text that begins like this; a leading apostrophe shows it instead.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
LARGEST = 5 * 1024 * 1024
MOST_ROWS = 20_000


class SheetError(ValueError):
    """The file cannot be read; the message says what was read and what was expected."""

    is_bad_input = True


def safe(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA) else text


def _decimal_mark() -> str:
    return str(get_format("DECIMAL_SEPARATOR"))


def _csv_cell(cell: Cell, mark: str, zone: ZoneInfo) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")
    if isinstance(cell, Decimal | int):
        return format(cell, "f").replace(".", mark) if isinstance(cell, Decimal) else str(cell)
    return safe(cell)


def csv_response(
    name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]], zone: ZoneInfo
) -> HttpResponse:
    """Semicolons where the language writes a decimal comma; times in the site's zone; UTF-8 with a mark."""
    mark = _decimal_mark()
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";" if mark == "," else ",")
    writer.writerow([safe(title) for title in head])
    writer.writerows([_csv_cell(cell, mark, zone) for cell in row] for row in rows)
    response = HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def xlsx_response(
    name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]], zone: ZoneInfo
) -> HttpResponse:
    """Numbers and times as such; times in the site's zone."""
    book = Workbook(write_only=True)
    sheet = book.create_sheet(name[:31])
    sheet.append([safe(title) for title in head])
    for row in rows:
        sheet.append([_xlsx_cell(cell, zone) for cell in row])
    content = io.BytesIO()
    book.save(content)
    response = HttpResponse(content.getvalue(), content_type=XLSX)
    response["Content-Disposition"] = f'attachment; filename="{name}.xlsx"'
    return response


def _xlsx_cell(cell: Cell, zone: ZoneInfo) -> Cell:
    if isinstance(cell, datetime):
        return cell.astimezone(zone).replace(tzinfo=None)
    return safe(cell) if isinstance(cell, str) else cell


def export(
    kind: str, name: str, head: Sequence[str], rows: Iterable[Sequence[Cell]], zone: ZoneInfo
) -> HttpResponse:
    return (xlsx_response if kind == "xlsx" else csv_response)(name, head, rows, zone)


def rows_read(content: bytes, name: str) -> list[tuple[int, dict[str, str]]]:
    """Rows by their number in the file, as text by lower-case column title. Raises SheetError."""
    if len(content) > LARGEST:
        words = {"file": name, "read": len(content), "most": LARGEST}
        raise SheetError(_("%(file)s: read %(read)d bytes, expected at most %(most)d") % words)
    is_book = content[:2] == b"PK" or name.lower().endswith((".xlsx", ".xlsm"))
    table = _xlsx_table(content, name) if is_book else _csv_table(content, name)
    if not table:
        message = _("%(file)s: read an empty file, expected a first row with the column titles")
        raise SheetError(message % {"file": name})
    titles = [title.strip().lower().replace(" ", "_") for title in table[0]]
    if len(table) - 1 > MOST_ROWS:
        words = {"file": name, "read": len(table) - 1, "most": MOST_ROWS}
        raise SheetError(_("%(file)s: read %(read)d rows, expected at most %(most)d") % words)
    return [
        (number, {title: cell.strip() for title, cell in zip(titles, row, strict=False) if title})
        for number, row in enumerate(table[1:], 2)
        if any(cell.strip() for cell in row)
    ]


def _csv_table(content: bytes, name: str) -> list[list[str]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        words = {"file": name, "at": problem.start}
        raise SheetError(_("%(file)s: read a byte that is not UTF-8 text at %(at)d") % words) from problem
    first = text.split("\n", 1)[0]
    return list(csv.reader(io.StringIO(text), delimiter=";" if first.count(";") > first.count(",") else ","))


def _xlsx_table(content: bytes, name: str) -> list[list[str]]:
    try:
        book = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
        sheet = book.worksheets[0]
        return [[_cell_text(cell) for cell in row] for row in sheet.iter_rows(values_only=True)]
    except Exception as problem:  # openpyxl raises whatever its parsers do
        raise SheetError(_("%(file)s: this is not a readable XLSX file") % {"file": name}) from problem


def _cell_text(cell: object) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)
