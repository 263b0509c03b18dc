"""What goes out to a spreadsheet runs nothing; what comes in is read, or refused with what was expected."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from mom.pages import sheets

PARIS = ZoneInfo("Europe/Paris")
NOON = datetime(2026, 3, 2, 11, tzinfo=UTC)
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r\n", exclude_categories=["Cc", "Cs"]))


def test_french_numbers_use_semicolons_and_commas() -> None:
    with translation.override("fr"):
        out = sheets.csv_response("stops", ["a", "b"], [[Decimal("1.5"), NOON]], PARIS).content.decode(
            "utf-8-sig"
        )
    assert out.splitlines() == ["a;b", "1,5;2026-03-02 12:00:00"]


@given(TEXT)
def test_no_cell_starts_a_formula(text: str) -> None:
    out = sheets.csv_response("x", ["title"], [[text]], PARIS).content
    cell = sheets.rows_read(out, "x.csv")
    assert all(not row["title"].startswith(("=", "+", "-", "@")) for _, row in cell)


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_what_is_written_reads_back(kind: str) -> None:
    head = ["code", "quantity"]
    out = sheets.export(kind, "orders", head, [["OF-1", 12], ["OF-2", 7]], PARIS).content
    assert sheets.rows_read(out, f"orders.{kind}") == [
        (2, {"code": "OF-1", "quantity": "12"}),
        (3, {"code": "OF-2", "quantity": "7"}),
    ]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\xff\xfe\x00x"])
def test_unreadable_files_are_refused_with_a_reason(content: bytes) -> None:
    with pytest.raises(sheets.SheetError, match=r"orders\.xlsx"):
        sheets.rows_read(content, "orders.xlsx")
