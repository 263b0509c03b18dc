from __future__ import annotations

from plant.selectors.actors import (
    actor_for_person,
    actor_for_request,
    actor_for_token,
    device_for_secret,
    digest_of,
    person_at_badge,
    pin_is_locked,
    tokens_of,
)
from plant.selectors.calendar import calendar_slots, day_ended, day_shifts, shift_at
from plant.selectors.configuration import (
    configuration_codes,
    configuration_forget,
    configuration_kept,
    configuration_revision,
    configuration_rows,
    remembered,
    remembering,
)
from plant.selectors.equipment import (
    equipment_by_code,
    equipment_for_ids,
    line_constraint,
    line_of,
    line_places,
    line_work_units,
    lines,
    lines_revised,
    may_everywhere,
    site_zone,
    sites,
)
from plant.selectors.polls import Polled, poll_read
from plant.selectors.reasons import reasons_offered
from plant.selectors.trail import audit_of, decisions_between, decisions_of, revision_of

__all__ = [
    "Polled",
    "actor_for_person",
    "actor_for_request",
    "actor_for_token",
    "audit_of",
    "calendar_slots",
    "configuration_codes",
    "configuration_forget",
    "configuration_kept",
    "configuration_revision",
    "configuration_rows",
    "day_ended",
    "day_shifts",
    "decisions_between",
    "decisions_of",
    "device_for_secret",
    "digest_of",
    "equipment_by_code",
    "equipment_for_ids",
    "line_constraint",
    "line_of",
    "line_places",
    "line_work_units",
    "lines",
    "lines_revised",
    "may_everywhere",
    "person_at_badge",
    "pin_is_locked",
    "poll_read",
    "reasons_offered",
    "remembered",
    "remembering",
    "revision_of",
    "shift_at",
    "site_zone",
    "sites",
    "tokens_of",
]
