"""What became of the entries of tablets."""

from __future__ import annotations

from django.db.models import QuerySet

from mom.outbox.models import TabletEntry


def entries_of(*, key: str) -> QuerySet[TabletEntry]:
    """Everything known about one entry, in the order it happened."""
    return TabletEntry.objects.filter(key=key).select_related("person", "device").order_by("pk")


def entry_kept_last(*, device_id: int | None) -> TabletEntry | None:
    """The last entry of this tablet that was kept; None for an account and for a tablet's first."""
    if device_id is None:
        return None
    kept = TabletEntry.objects.filter(device_id=device_id, outcome=TabletEntry.Outcome.KEPT)
    return kept.order_by("-pk").first()
