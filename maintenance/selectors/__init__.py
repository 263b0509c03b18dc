from __future__ import annotations

from maintenance.selectors.context import failure_context
from maintenance.selectors.requests import (
    events_by_kind,
    intervention_imports_known,
    request_by_code,
    request_cure,
    request_durations,
    request_near,
    request_of_stop,
    request_state,
    requests,
    requests_for_order,
    requests_open,
    requests_open_at,
    similar_requests,
    source_rows,
)

__all__ = [
    "events_by_kind",
    "failure_context",
    "intervention_imports_known",
    "request_by_code",
    "request_cure",
    "request_durations",
    "request_near",
    "request_of_stop",
    "request_state",
    "requests",
    "requests_for_order",
    "requests_open",
    "requests_open_at",
    "similar_requests",
    "source_rows",
]
