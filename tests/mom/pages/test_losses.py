"""Losses add up to the time lost, whatever the account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from mom.pages.losses import LOST, data_quality, losses
from production.domain.account import Account, Segment
from production.domain.time_model import CLASSES

START = datetime(2026, 3, 2, 6, tzinfo=UTC)


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    at, segments = START, []
    for _ in range(draw(st.integers(1, 30))):
        end = at + timedelta(seconds=draw(st.integers(1, 5000)))
        name = draw(st.sampled_from(CLASSES))
        stop = at if name != "running" else None
        reason = draw(st.sampled_from(["", "JAM", "LABEL"])) if stop else ""
        uncoded = bool(stop) and not reason and draw(st.booleans())
        segments.append(
            Segment(at, end, name, "stopped", stop_start=stop, reason_code=reason, uncoded=uncoded)
        )
        at = end
    return Account(START, at, tuple(segments))


@given(accounts())
def test_rows_add_up_and_the_dearest_is_first(account: Account) -> None:
    found = losses(account, units_per_hour=Decimal(3600))
    lost = sum((time for name, time in account.durations.items() if name in LOST), timedelta())
    assert sum((row.duration for row in found.rows), timedelta()) == found.total == lost
    assert found.total <= found.required
    durations = [row.duration for row in found.rows]
    assert durations == sorted(durations, reverse=True)
    assert all(row.pieces == row.duration // timedelta(seconds=1) for row in found.rows)


@given(accounts())
def test_without_an_ideal_rate_pieces_are_not_known(account: Account) -> None:
    assert all(row.pieces is None for row in losses(account, units_per_hour=None).rows)
    assert losses(account, units_per_hour=None).pieces_per_hour is None


@given(accounts())
def test_shares_lie_between_nothing_and_everything(account: Account) -> None:
    quality = data_quality(account)
    assert all(share is None or 0 <= share <= 1 for share in (quality.coded, quality.known))
