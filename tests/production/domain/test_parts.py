"""However a stop is cut, joined and reverted, its parts are exactly the whole, to the microsecond."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from production.domain.parts import Part, Unfit, applied, merge, split, undo

AT = datetime(2026, 3, 2, 6, tzinfo=UTC)
LONG = 3_600_000_000


def us(value: int) -> datetime:
    return AT + timedelta(microseconds=value)


WHOLE = Part(us(0), us(LONG), "JAM", 1)
acts = st.lists(
    st.tuples(st.sampled_from(["split", "merge", "undo"]), st.integers(0, LONG), st.sampled_from("ABC")),
    max_size=25,
)


def spans(parts):
    return [(part.start, part.end, part.reason_code) for part in parts]


@given(acts)
def test_parts_are_exactly_the_whole_after_any_splits_merges_and_undos(asked):
    parts, number = [WHOLE], 2
    done: list[tuple[list[Part], list[Part]]] = []
    for kind, where, code in asked:
        before = parts
        if kind == "split":
            part = next((p for p in parts if p.start < us(where) < (p.end or us(LONG))), None)
            if part is None:
                continue
            steps = split(part, us(where), code, "")
        elif kind == "merge":
            index = where % len(parts)
            if index + 1 == len(parts):
                continue
            steps = merge(parts[index], parts[index + 1], code)
        else:
            if not done:
                continue
            act, took = done.pop()
            if {p.entry for p in act if p.reason_code} - {p.entry for p in parts}:
                continue
            steps = undo(act, took)
            parts = applied(parts, steps, number)
            number += len(steps)
            # What was said before stands again, beside what others said since
            others = [p for p in before if p.entry not in {one.entry for one in act}]
            assert spans(parts) == sorted(spans([*others, *took]))
            continue
        took = [p for step in steps for p in parts if p.entry == step.supersedes]
        parts = applied(parts, steps, number)
        act = [Part(s.part.start, s.part.end, s.part.reason_code, number + n) for n, s in enumerate(steps)]
        number += len(steps)
        done.append((act, took))
        assert parts[0].start == us(0)
        assert parts[-1].end == us(LONG)
        assert all(a.end == b.start for a, b in pairwise(parts))
        total = sum((p.end - p.start for p in parts if p.end), timedelta())
        assert total == timedelta(microseconds=LONG)


def test_a_stop_that_goes_on_is_split_and_its_second_part_stays_open():
    first, second = split(Part(us(0), None, "", None), us(5), "A", "B")
    assert (first.part.end, second.part.end, first.supersedes) == (us(5), None, None)


@pytest.mark.parametrize("cut", [0, LONG, LONG + 1, -1])
def test_a_cut_lies_inside(cut):
    with pytest.raises(Unfit, match="expected after"):
        split(WHOLE, us(cut), "A", "B")


def test_each_part_of_a_stop_nobody_explained_needs_a_reason():
    with pytest.raises(Unfit, match="one for each part"):
        split(Part(us(0), us(9), ""), us(5), "A", "")


def test_only_neighbours_are_merged():
    with pytest.raises(Unfit, match="expected one that begins at"):
        merge(Part(us(0), us(5), "A", 1), Part(us(6), us(9), "A", 2))
