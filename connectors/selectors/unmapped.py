"""Addresses that send values and that nobody mapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, Q, QuerySet

from connectors.models import Connection, SignalDefinition, UnmappedAddress


@dataclass(frozen=True, slots=True)
class Unmapped:
    """``listed``: those nobody mapped or ignored, the most often first; ``others``: counted together, None
    when there are none.
    """

    listed: list[UnmappedAddress]
    ignored: list[UnmappedAddress]
    others: UnmappedAddress | None


def unmapped_of(*, connection: Connection, holding: str = "") -> Unmapped:
    """``holding``: only addresses with this in them."""
    rows = list(_unmapped().filter(Q(address="") | Q(address__icontains=holding), connection=connection))
    named = [row for row in rows if row.address]
    return Unmapped(
        [row for row in named if row.ignored_at is None],
        [row for row in named if row.ignored_at is not None],
        next((row for row in rows if not row.address), None),
    )


def unmapped_since(*, connection_ids: Sequence[int], since: datetime) -> dict[int, tuple[int, bool]]:
    """By connection: how many addresses nobody mapped or ignored sent values, and whether others did."""
    rows = _unmapped().filter(connection_id__in=connection_ids, last_seen__gt=since, ignored_at=None)
    counted = rows.order_by().values_list("connection_id")
    others = Count("pk", filter=Q(address=""))
    found = counted.annotate(named=Count("pk", filter=~Q(address="")), others=others)
    return {pk: (named, bool(rest)) for pk, named, rest in found}


def _unmapped() -> QuerySet[UnmappedAddress]:
    signals = SignalDefinition.objects.filter(connection=OuterRef("connection"), address=OuterRef("address"))
    return UnmappedAddress.objects.filter(~Exists(signals))
