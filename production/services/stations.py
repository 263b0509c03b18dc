"""What people say of a manual station's work, and until when that is known."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from connectors import services as connectors
from plant import selectors as plant
from plant.access import Actor
from production.domain.manual import NOT_WORKING, WORKING
from production.models import StateAssertion, StationWatermark
from production.selectors.stations import watermarks_due
from production.services.assertions import Refused, _equipment, _say, _told
from production.services.failing import stitch_guarded

# What may be said of a station: at work, not at work, waiting for material, its outlet full.
STATES = (WORKING, NOT_WORKING, "starved", "blocked")
TICK = timedelta(seconds=20)


@transaction.atomic
def state_assert(
    *,
    equipment_id: int,
    start_time: datetime,
    state: str,
    by: Actor,
    end_time: datetime | None = None,
    supersedes: int | None = None,
    comment: str = "",
    at: datetime | None = None,
) -> StateAssertion:
    """Say what a manual station did from ``start_time`` on, or in [start_time, end_time).

    An empty state takes ``supersedes`` back.

    Its time is derived anew from there as soon as this is committed. Refused for a machine that tells its own
    state, for another state than ``STATES``, and for time that has not come yet. StaleView where
    ``supersedes`` was superseded already.
    """
    equipment = _equipment(equipment_id)
    by.require("stop.code", equipment)
    if not equipment.is_manual:
        message = _("%(place)s tells its state itself, expected a manual station")
        raise Refused(message % {"place": equipment.code})
    if state not in STATES and not (state == "" and supersedes is not None):
        raise Refused(f"state: read {state!r}, expected one of {', '.join(STATES)}")
    _range_check(start_time, end_time)
    span = {"equipment_id": equipment_id, "start_time": start_time, "end_time": end_time}
    earlier = None
    if supersedes is not None:
        earlier = StateAssertion.objects.filter(pk=supersedes, equipment_id=equipment_id).first()
    said = _say(StateAssertion, by=by, at=at, supersedes=supersedes, state=state, comment=comment, **span)
    spans = [each for one in (said, earlier) if one for each in (one.start_time, one.end_time) if each]
    connectors.dirty_mark({equipment_id: (min(spans), max(spans))})
    # The author looks at the station next; the sweep finds the mark should this not succeed.
    transaction.on_commit(lambda: stitch_guarded(work_unit_id=equipment_id))
    _told(said, "stop.code", equipment, by, {"state": state, **span})
    return said


def _range_check(start: datetime, end: datetime | None) -> None:
    if end is not None and end <= start:
        raise Refused(f"end_time: read {end}, expected later than {start}")
    if (end or start) > timezone.now():
        raise Refused(_("This time has not come yet."))


def stations_tick(*, now: datetime) -> int:
    """Append a watermark for each manual station whose last one is old. Returns how many."""
    manual = plant.configuration_rows("plant.Equipment", is_manual=True).values_list("pk", flat=True)
    due = watermarks_due(manual, before=now - TICK)
    StationWatermark.objects.bulk_create(
        [StationWatermark(equipment_id=pk, at=now) for pk in due], ignore_conflicts=True
    )
    return len(due)
