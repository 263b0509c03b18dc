"""How far a figure can be trusted: stop time with a reason, of it "other" or late; time without data."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from mom.provenance.model import Edit, Trust
from plant import selectors as plant
from plant.domain.quantities import ratio
from production.domain.oee import seconds
from production.domain.time_model import UNKNOWN
from production.selectors.recorded import edits_between, said_of

if TYPE_CHECKING:
    from production.domain.account import Account

# A reason given so long after its stop began is late.
LATE = timedelta(hours=24)
NONE = timedelta()


def trust_of(account: Account) -> Trust:
    """Of an account's stop time that asks for a reason, and of its open time."""
    segments = [s for s in account.segments if s.reason_code and s.stop_start]
    catch_all = set(
        plant.configuration_rows("plant.Reason", is_catch_all=True).values_list("code", flat=True)
    )
    said = said_of({s.assertion_id for s in segments if s.assertion_id is not None})
    coded = sum((s.duration for s in segments), NONE)
    other = sum((s.duration for s in segments if s.reason_code in catch_all), NONE)
    late = sum(
        (s.duration for s in segments if s.assertion_id in said and said[s.assertion_id] - s.start > LATE),
        NONE,
    )
    open_time = account.span - account.durations.get("closed", NONE)
    return Trust(
        coded=ratio(seconds(coded), seconds(coded + account.uncoded)),
        other=ratio(seconds(other), seconds(coded)),
        no_data=ratio(seconds(account.durations.get(UNKNOWN, NONE)), seconds(open_time)),
        late=ratio(seconds(late), seconds(coded)),
    )


def edits_of(*, equipment_ids: Sequence[int], start: datetime, end: datetime) -> tuple[Edit, ...]:
    """Reasons and counts about a window that took the place of others, oldest first."""
    return tuple(Edit(*row) for row in edits_between(equipment_ids=equipment_ids, start=start, end=end))
