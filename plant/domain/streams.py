"""Rows as CSV for programs: commas, decimal points, ISO times in UTC; formulas made harmless."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from itertools import islice
from typing import TypeVar

T = TypeVar("T")
# A spreadsheet runs a text that begins like this; a leading apostrophe shows it instead.
FORMULA = ("=", "+", "-", "@", "\t", "\r")
NUMBER = re.compile(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?")
AT_ONCE = 1000


def batches(rows: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """Rows in lists of at most ``size``, so that no more are held at once."""
    pulled = iter(rows)
    while batch := list(islice(pulled, size)):
        yield batch


def safe(text: str) -> str:
    """A text no spreadsheet takes for a formula; a number stays one."""
    return f"'{text}" if text.startswith(FORMULA) and not NUMBER.fullmatch(text) else text


def flat(value: object) -> object:
    """A value as one cell: nothing stays nothing, lists are words with spaces, objects are JSON."""
    if value is None or isinstance(value, int | float | Decimal):
        return value
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Mapping):
        return safe(json.dumps(value, ensure_ascii=False, default=str)) if value else ""
    if isinstance(value, list | tuple):
        return safe(" ".join(str(one) for one in value))
    return safe(str(value))


def csv_chunks(columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Iterator[str]:
    """The head, then rows in chunks. Nothing is empty; yes and no are ``true`` and ``false``."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    for batch in batches(rows):
        writer.writerows([_csv_cell(row[name]) for name in columns] for row in batch)
        yield text.getvalue()
        text.seek(0)
        text.truncate()
    yield text.getvalue()


def _csv_cell(value: object) -> object:
    if isinstance(value, bool):
        return "true" if value else "false"
    return flat(value)
