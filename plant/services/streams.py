"""Whole lists out: the window that bounds one, and rows as a workbook."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import IO, Any

from django.utils.dateparse import parse_datetime
from openpyxl import Workbook

from plant.domain.streams import flat

PAGES = frozenset({"cursor", "page_size", "limit"})
LONGEST = timedelta(days=366)
MOST_ROWS = 1_048_575
WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


class StreamRefused(ValueError):
    """The stream was not asked for in a way that bounds it."""

    is_bad_input = True


def stream_window(query: Mapping[str, Any], windows: Iterable[tuple[str, str]]) -> tuple[datetime, datetime]:
    """(from, to): both ends of one of ``windows``, at most 366 days apart. Raises StreamRefused."""
    for name in sorted(PAGES & set(query)):
        raise StreamRefused(f"{name}: not for a stream, which holds all rows of its window")
    pairs = list(windows)
    names = next((pair for pair in pairs if all(query.get(name) for name in pair)), None)
    if names is None:
        expected = " or ".join(" and ".join(pair) for pair in pairs)
        raise StreamRefused(f"a stream needs a window: expected {expected}")
    start, end = (_instant(name, str(query[name])) for name in names)
    if not start < end <= start + LONGEST:
        read = f"{start.isoformat()} to {end.isoformat()}"
        raise StreamRefused(f"{names[1]}: read {read}, expected at most {LONGEST.days} days")
    return start, end


def _instant(name: str, raw: str) -> datetime:
    try:
        found = parse_datetime(raw)
    except ValueError:
        found = None
    if found is None:
        raise StreamRefused(f"{name}: read {raw!r}, expected a time such as 2026-03-02T06:00:00Z")
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def workbook(
    name: str,
    columns: Iterable[str],
    rows: Iterable[Mapping[str, Any]],
    *,
    times: set[str],
    amounts: set[str],
) -> IO[bytes]:
    """One sheet, times in UTC as such, amounts as numbers; rows go to disk as they come.

    Raises StreamRefused beyond 1,048,575 rows, which is what a sheet holds.
    """
    book, heads = Workbook(write_only=True), list(columns)
    sheet = book.create_sheet(name[:31])
    sheet.append(heads)
    for count, row in enumerate(rows, 1):
        if count > MOST_ROWS:
            raise StreamRefused(f"more than {MOST_ROWS} rows: take CSV, or a shorter window")
        sheet.append([_cell(row[head], head in times, head in amounts) for head in heads])
    file = tempfile.TemporaryFile()  # noqa: SIM115 (closed with the response)
    book.save(file)
    file.seek(0)
    return file


def _cell(value: Any, is_time: bool, is_amount: bool) -> Any:
    if is_amount and isinstance(value, str):
        return Decimal(value)
    if is_time and isinstance(value, str):
        value = parse_datetime(value)
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None)
    return flat(value)
