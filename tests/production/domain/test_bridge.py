"""The waterfall closes to the microsecond, by every standard, and ends where the standard's figures do."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from production.domain.bridge import QUALITY, RUN, SLOW, SPEED, STEPS, Bridge, bridge
from production.domain.oee import Output, oee, trs
from production.domain.time_model import CLASSES, STANDARDS, bucket

outputs = st.lists(
    st.builds(
        Output,
        st.just("P"),
        st.decimals(0, 5000, places=2),
        st.decimals(0, 5000, places=2),
        st.none() | st.decimals("0.01", 60, places=2),
    ),
    max_size=3,
)
durations = st.dictionaries(
    st.sampled_from(CLASSES), st.integers(1, 10**11).map(lambda n: timedelta(microseconds=n)), max_size=8
)


def level(found: Bridge, name: str) -> Decimal:
    return next(item.seconds for item in found.levels if item.name == name)


@pytest.mark.parametrize("standard", STEPS)
def test_every_class_is_a_loss_of_each_standard_once(standard: str) -> None:
    kinds = [kind for _name, losses in STEPS[standard] for kind in losses]
    assert sorted(kinds) == sorted({*CLASSES, SLOW, SPEED, QUALITY} - set(RUN))


@given(st.sampled_from(list(STEPS)), durations, outputs)
def test_the_waterfall_closes(standard: str, times: dict[str, timedelta], made: list[Output]) -> None:
    found = bridge(standard, times, made)
    assert found.difference == 0
    assert found.window == sum(times.values(), timedelta()) // timedelta(microseconds=1) / Decimal(10**6)
    for name in set(STANDARDS[standard]) & {item.name for item in found.levels}:
        expected = bucket(standard, name, times) // timedelta(microseconds=1) / Decimal(10**6)
        if name != "APT" or found.is_whole:
            assert level(found, name) == expected


@given(durations, outputs)
def test_it_ends_where_the_figures_of_the_standard_do(
    times: dict[str, timedelta], made: list[Output]
) -> None:
    by_afnor, by_iso = bridge("NF E60-182", times, made), bridge("ISO 22400-2", times, made)
    figures, effectiveness = trs(times, made), oee(times, made)
    assert by_afnor.is_whole is (figures.tn is not None and figures.tu is not None)
    if by_afnor.is_whole:
        assert figures.tu is not None
        assert abs(level(by_afnor, "TU") - figures.tu) < Decimal("1e-15")
        assert level(by_iso, "PRI·GQ") == level(by_afnor, "TU")
        assert effectiveness.pbt == level(by_iso, "PBT")
