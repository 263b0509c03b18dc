from __future__ import annotations

from maintenance.services.imports import interventions_import
from maintenance.services.requests import (
    RequestRefused,
    reason_heard,
    reason_withdrawn_heard,
    request_close,
    request_raise,
    request_repair_end,
    request_repair_start,
    request_take,
)

__all__ = [
    "RequestRefused",
    "interventions_import",
    "reason_heard",
    "reason_withdrawn_heard",
    "request_close",
    "request_raise",
    "request_repair_end",
    "request_repair_start",
    "request_take",
]
