"""Imports of history from files, and how far they got."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from connectors.models import HistoryImport

# A batch of 5,000 rows takes seconds
STILL = timedelta(minutes=1)
SHOWN = timedelta(days=30)
MOST = 20


@dataclass(frozen=True, slots=True)
class ImportSeen:
    """``state``: done, going (on), or stopped: killed, or ``record.problem`` says why."""

    record: HistoryImport
    state: str

    @property
    def share(self) -> float:
        """Read so far, 0 to 1: a count of lines may be a little more than there are rows."""
        if self.state == "done":
            return 1.0
        return min(self.record.rows / self.record.rows_total, 1.0) if self.record.rows_total else 0.0


def imports_of(*, connection_id: int, now: datetime) -> list[ImportSeen]:
    """Of the last 30 days, the latest first."""
    rows = HistoryImport.objects.filter(connection_id=connection_id, moved_at__gt=now - SHOWN)[:MOST]
    return [ImportSeen(row, _state(row, now)) for row in rows]


def _state(row: HistoryImport, now: datetime) -> str:
    if row.ended_at is not None:
        return "done"
    return "stopped" if row.problem or now - row.moved_at > STILL else "going"
