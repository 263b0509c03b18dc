from __future__ import annotations

from production.services.assertions import (
    Refused,
    count_assert,
    note_assert,
    reason_assert,
    reasons_together,
    stop_turn,
)
from production.services.execution import (
    Vetoed,
    job_order_abort,
    job_order_pause,
    job_order_resume,
    job_order_start,
    job_order_stop,
)
from production.services.importing import ImportResult, job_orders_import
from production.services.plans import (
    PlanRefused,
    StaleView,
    Stored,
    job_order_update,
    job_orders_store,
    sequence_change,
)
from production.services.reasons_auto import reasons_auto, reasons_catch_up
from production.services.rebuilding import Rebuilt, rebuild, rebuild_check
from production.services.scrap import scrap_reason_assert, scrap_split
from production.services.splitting import reason_merge, reason_split, reason_undo
from production.services.stations import state_assert, stations_tick
from production.services.stitching import Stitched, stitch

__all__ = [
    "ImportResult",
    "PlanRefused",
    "Rebuilt",
    "Refused",
    "StaleView",
    "Stitched",
    "Stored",
    "Vetoed",
    "count_assert",
    "job_order_abort",
    "job_order_pause",
    "job_order_resume",
    "job_order_start",
    "job_order_stop",
    "job_order_update",
    "job_orders_import",
    "job_orders_store",
    "note_assert",
    "reason_assert",
    "reason_merge",
    "reason_split",
    "reason_undo",
    "reasons_auto",
    "reasons_catch_up",
    "reasons_together",
    "rebuild",
    "rebuild_check",
    "scrap_reason_assert",
    "scrap_split",
    "sequence_change",
    "state_assert",
    "stations_tick",
    "stitch",
    "stop_turn",
]
