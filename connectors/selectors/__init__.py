from __future__ import annotations

from connectors.selectors.before import (
    last_good_before,
    last_samples_before,
    last_samples_before_each,
    last_told_before,
)
from connectors.selectors.completeness import (
    Freshness,
    GapSpan,
    connection_freshness,
    dirty_marks_take,
    dirty_work_units,
    gaps_between,
    gaps_visible,
    horizon_for,
    quarantine_preview,
    quarantine_visible,
)
from connectors.selectors.export import configuration_export
from connectors.selectors.samples import (
    SampleRow,
    late_samples,
    samples_between,
    samples_each,
    samples_folded,
    samples_page,
    samples_within,
)
from connectors.selectors.signals import (
    connection_by_slug,
    connections_visible,
    signals_for,
    signals_visible,
    state_map_of,
)

__all__ = [
    "Freshness",
    "GapSpan",
    "SampleRow",
    "configuration_export",
    "connection_by_slug",
    "connection_freshness",
    "connections_visible",
    "dirty_marks_take",
    "dirty_work_units",
    "gaps_between",
    "gaps_visible",
    "horizon_for",
    "last_good_before",
    "last_samples_before",
    "last_samples_before_each",
    "last_told_before",
    "late_samples",
    "quarantine_preview",
    "quarantine_visible",
    "samples_between",
    "samples_each",
    "samples_folded",
    "samples_page",
    "samples_within",
    "signals_for",
    "signals_visible",
    "state_map_of",
]
