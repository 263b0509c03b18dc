"""What became of the entries of tablets."""

from __future__ import annotations

from django.db.models import QuerySet

from mom.outbox.models import TabletEntry


def entries_of(*, key: str) -> QuerySet[TabletEntry]:
    """Everything known about one entry, in the order it happened."""
    return TabletEntry.objects.filter(key=key).select_related("person", "device").order_by("pk")
