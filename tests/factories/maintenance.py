"""Spreadsheets as departments keep them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from openpyxl import Workbook


def xlsx_make(path: Path, headings: list[str], rows: list[list[Any]]) -> Path:
    """A workbook with one sheet: headings, then rows."""
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in [headings, *rows]:
        sheet.append(row)
    book.save(path)
    return path
