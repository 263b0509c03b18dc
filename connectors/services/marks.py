"""Asking for a stretch of a machine to be derived again, for another cause than samples."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from connectors.models import DirtyMark


def dirty_mark(spans: Mapping[int, tuple[datetime, datetime]]) -> None:
    """Mark (from, to) of each machine, by id. The sweep finds marks nobody is woken for."""
    DirtyMark.objects.bulk_create(
        DirtyMark(work_unit_id=unit, from_time=low, to_time=high)
        for unit, (low, high) in sorted(spans.items())
    )
