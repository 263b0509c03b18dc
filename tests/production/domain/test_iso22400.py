"""The identities of ISO 22400-2 hold whatever happened."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from plant.domain.intervals import Interval
from production.domain.account import account
from production.domain.iso22400 import NAMES, figures
from production.domain.oee import Output, oee
from tests.strategies import LONGEST, T0, histories, seconds_after

counts = st.decimals(0, 5000, places=2)
CLOSE = Decimal("1e-20")


@given(histories(), counts, counts, st.decimals("0.01", 60, places=2))
def test_identities(known, good, total, cycle) -> None:  # type: ignore[no-untyped-def]
    told = account(Interval(T0, seconds_after(LONGEST)), known)
    base = oee(told.durations, [Output("P", good, total, cycle)])
    found = figures(base, told.durations, told.segments, scrap=None)
    if base.pbt:
        assert found.aubt == base.pbt, "busy time is all of planned busy time: nobody tells idling apart"
    if found.utilization_efficiency is not None and found.allocation_efficiency is not None:
        product = found.utilization_efficiency * found.allocation_efficiency
        assert abs(product - (base.availability or 0)) < CLOSE
    assert found.scrap_ratio is None
    if found.nee is not None and base.availability and base.effectiveness and base.quality:
        without_setup = base.availability * base.effectiveness * base.quality
        assert found.nee >= without_setup - CLOSE, "changeovers are not held against it"
    if found.failures:
        assert found.mtbf_standard is not None
        assert found.mtbf is not None
        assert found.mtbf_standard <= found.mtbf
    else:
        assert found.mtbf is None
    assert {name: getattr(found, name) for name in NAMES}.keys() == set(NAMES)
