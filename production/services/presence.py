"""Clocking on and off a station."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from plant.access import Actor
from production.models import PresenceAssertion
from production.selectors.presence import people_at
from production.services.assertions import _equipment, _say, _told


@transaction.atomic
def presence_start(*, equipment_id: int, person_id: int, at: datetime, by: Actor) -> PresenceAssertion:
    """Someone is at the station from now on. Who is there already stays there."""
    equipment = _equipment(equipment_id)
    by.require("note.write", equipment)
    here = people_at(equipment, at=at).filter(person_id=person_id, equipment_id=equipment_id).first()
    if here is not None:
        return here
    values = {"equipment_id": equipment_id, "person_id": person_id, "start_time": at}
    said = _say(PresenceAssertion, by=by, at=at, supersedes=None, **values)
    _told(said, "note.write", equipment, by, {"person": person_id, "start_time": at})
    return said


@transaction.atomic
def presence_end(*, presence_id: int, at: datetime, by: Actor) -> PresenceAssertion:
    """Someone has left. Raises StaleView where that was said already, DoesNotExist for what is none."""
    here = PresenceAssertion.objects.get(pk=presence_id)
    equipment = _equipment(here.equipment_id)
    by.require("note.write", equipment)
    values = {
        "equipment_id": here.equipment_id,
        "person_id": here.person_id,
        "start_time": here.start_time,
        "end_time": max(at, here.start_time),
    }
    said = _say(PresenceAssertion, by=by, at=at, supersedes=here.pk, **values)
    _told(said, "note.write", equipment, by, {"person": here.person_id, "end_time": at})
    return said
