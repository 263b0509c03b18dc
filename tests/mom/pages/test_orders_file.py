"""A file's rows become items as a planner means them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from mom.pages.orders_file import item_of, repeated

PARIS = ZoneInfo("Europe/Paris")


@pytest.mark.parametrize(
    ("text", "read"),
    [("12 500", "12500"), ("12\u202f500,5", "12500.5"), ("1250.5", "1250.5"), ("many", "many")],
)
def test_quantities_as_people_write_them(text: str, read: str) -> None:
    assert item_of({"quantity": text}, PARIS) == {"quantity": read}


@pytest.mark.parametrize("text", ["02/03/2026 14:00", "2026-03-02 14:00", "2026-03-02T14:00:00+01:00"])
def test_local_times_get_their_site_zone(text: str) -> None:
    assert item_of({"due_time": text}, PARIS) == {"due_time": "2026-03-02T14:00:00+01:00"}


def test_options_are_columns_of_their_own_and_empty_cells_are_not_given() -> None:
    row = {"code": "OF-1", "unit": "", "option:label": "EN", "due_time": "soon"}
    assert item_of(row, PARIS) == {"code": "OF-1", "options": {"label": "EN"}, "due_time": "soon"}


def test_a_code_on_two_rows_is_refused_on_the_second_naming_both() -> None:
    refused = repeated([(2, {"code": "OF-1"}), (3, {"code": "OF-2"}), (5, {"code": "OF-1"}), (6, {})])
    assert list(refused) == [2]
    (error,) = refused[2].errors
    assert "rows 2 and 5" in str(error)
