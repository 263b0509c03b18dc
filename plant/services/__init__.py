from __future__ import annotations

from plant.services.calendar import HORIZON as CALENDAR_HORIZON
from plant.services.calendar import (
    calendar_horizon_extend,
    calendar_materialise,
    calendar_version_store,
    tz_data_version,
)
from plant.services.configuration import Change, configuration_upsert
from plant.services.devices import badge_in, device_create, device_enrol, device_revoke
from plant.services.equipment import counted_by_hand, equipment_paths_refresh, lines_redraw
from plant.services.idempotency import answer_keep, answer_kept
from plant.services.people import (
    password_changed,
    person_erase,
    pin_set,
    token_create,
    token_revoke,
    user_create,
)
from plant.services.streams import WORKBOOK, stream_window, workbook
from plant.services.trail import decision_record, revision_bump, revisions_together

__all__ = [
    "CALENDAR_HORIZON",
    "WORKBOOK",
    "Change",
    "answer_keep",
    "answer_kept",
    "badge_in",
    "calendar_horizon_extend",
    "calendar_materialise",
    "calendar_version_store",
    "configuration_upsert",
    "counted_by_hand",
    "decision_record",
    "device_create",
    "device_enrol",
    "device_revoke",
    "equipment_paths_refresh",
    "lines_redraw",
    "password_changed",
    "person_erase",
    "pin_set",
    "revision_bump",
    "revisions_together",
    "stream_window",
    "token_create",
    "token_revoke",
    "tz_data_version",
    "user_create",
    "workbook",
]
