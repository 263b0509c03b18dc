"""Whatever is in the file, reading it ends in rows or in problems, never in a crash."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mom.plant_file.dumping import document_write
from mom.plant_file.reading import tree_read
from mom.plant_file.rows import document_read
from mom.plant_file.values import duration_read, duration_write

SMALL = (Path(__file__).parent / "small_plant.yaml").read_text(encoding="utf-8")
LINES = SMALL.splitlines()
PARTS = [
    "",
    "{",
    "]",
    ": ",
    "- ",
    "~",
    "[]",
    "{}",
    "!!python/object:os.system x",
    "&a [*a]",
    "<<: 1",
    "\x00",
    "'",
    "? [a]",
]


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(SMALL)), st.integers(0, 40), st.sampled_from(PARTS) | st.text(max_size=12))
def test_a_damaged_file_gives_problems_with_lines_inside_it(start: int, length: int, put: str) -> None:
    text = SMALL[:start] + put + SMALL[start + length :]
    document = document_read(text)
    for problem in document.problems:
        assert 1 <= problem.line <= text.count("\n") + text.count("\r") + text.count("\x85") + 3
        assert problem.read
        assert problem.expected


@pytest.mark.parametrize("name", [f"{'x' * 20_000}: 1", f"site: {'x' * 20_000}"])
def test_what_is_too_long_to_read_is_told_in_a_line(name: str) -> None:
    told = [problem.text("plant.yaml") for problem in document_read(f"{name}\n").problems]
    assert told
    assert all(len(line) < 1000 for line in told)


@given(st.integers(0, len(LINES) - 1))
@settings(max_examples=len(LINES), deadline=None)
def test_any_one_line_can_be_missing(number: int) -> None:
    document = document_read("\n".join(LINES[:number] + LINES[number + 1 :]))
    assert document.rows or document.problems
    assert all(1 <= problem.line <= len(LINES) for problem in document.problems)


@given(st.text(max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_at_all_is_read_or_refused(text: str) -> None:
    document = document_read(text)
    assert document.problems


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("06:00", "06:00"),
        ("0012", "0012"),
        ("no", "no"),
        ("1_000", "1_000"),
        ("'~'", "~"),
        ("1e3", "1e3"),
        ("", ""),
    ],
)
def test_a_text_stays_what_was_written(written: str, read: str) -> None:
    root, problems = tree_read(f"key: {written}")
    assert root is not None
    assert root.mapping()["key"].text() == read
    assert problems == []


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**12), 10**12)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(min_size=1, max_size=6), json_values, max_size=4))
@settings(max_examples=200, deadline=None)
def test_settings_written_are_read_back_the_same(config: dict[str, object]) -> None:
    text = document_write({"config": config})
    root, problems = tree_read(text)
    assert root is not None
    assert root.mapping()["config"].plain() == config
    assert problems == []


@given(st.integers(0, 10**15).map(lambda count: timedelta(microseconds=count)))
def test_a_duration_written_is_read_back_to_the_microsecond(value: timedelta) -> None:
    assert duration_read(str(duration_write(value))) == value


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("1.5", 1.5), ("2 min", 120), ("2min", 120), ("1 h", 3600), ("250 ms", 0.25)],
)
def test_durations_are_seconds_or_say_their_unit(text: str, seconds: float) -> None:
    assert duration_read(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "soon", "-5", "2 weeks", "1,5", "nan", "1e9", "2 min 3 s"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        duration_read(text)
