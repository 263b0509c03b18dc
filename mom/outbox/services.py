"""Writing down what became of a tablet's entry."""

from __future__ import annotations

from datetime import datetime

from mom.outbox.models import TabletEntry
from plant import audit
from plant.access import Actor

# What a person decides about an entry that waited; the rest the server finds out by itself.
DECIDED = (TabletEntry.Outcome.DISMISSED, TabletEntry.Outcome.CORRECTED, TabletEntry.Outcome.TAKEN_BACK)


def entry_trace(
    *,
    key: str,
    outcome: str,
    route: str,
    tapped_at: datetime,
    by: Actor,
    device_time: datetime | None = None,
    words: str = "",
    why: str = "",
) -> TabletEntry:
    """One row of the trail. What a person decided about an entry is audited too."""
    if outcome in DECIDED:
        after = {"route": route[:120], "words": words[:200], "tapped_at": tapped_at.isoformat()}
        audit.record(
            by=by,
            action=f"tablet_entry.{outcome}",
            subject_type="tablet_entry",
            subject_code=key[:80],
            why=why,
            after=after,
        )
    return TabletEntry.objects.create(
        key=key[:80],
        outcome=outcome,
        device_id=by.device_id,
        person_id=by.person_id,
        route=route[:120],
        words=words[:200],
        device_time=device_time,
        tapped_at=tapped_at,
        why=why,
    )
