from __future__ import annotations

from production.services.execution import (
    Vetoed,
    job_order_abort,
    job_order_pause,
    job_order_resume,
    job_order_start,
    job_order_stop,
)
from production.services.plans import (
    PlanRefused,
    StaleView,
    Stored,
    job_order_update,
    job_orders_store,
    sequence_change,
)
from production.services.stitching import Stitched, stitch

__all__ = [
    "PlanRefused",
    "StaleView",
    "Stitched",
    "Stored",
    "Vetoed",
    "job_order_abort",
    "job_order_pause",
    "job_order_resume",
    "job_order_start",
    "job_order_stop",
    "job_order_update",
    "job_orders_store",
    "sequence_change",
    "stitch",
]
