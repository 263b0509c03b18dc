"""What people counted at machines, as the quantities of those machines read it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import Q, QuerySet

from production.domain.hand_counts import REWORK_GOOD, REWORK_SCRAP, Hand, told_kinds
from production.domain.stitching import COUNTERS
from production.models import CountAssertion

if TYPE_CHECKING:
    from connectors.models import SignalDefinition

FIELDS = (
    "end_time", "id", "equipment_id", "start_time", "job_order__code", "kind", "quantity", "reason__code",
    "equipment__recounts_rework",
)  # fmt: skip
RESULTS = (REWORK_GOOD, REWORK_SCRAP)
# What people told of machines in a window, and what their counters tell at all.
TOLD = """
SELECT equipment_id, kind FROM production_countassertion
WHERE equipment_id = ANY(%(ids)s::bigint[]) AND end_time >= %(start)s AND end_time < %(end)s
UNION
SELECT equipment_id, role FROM connectors_signaldefinition
WHERE equipment_id = ANY(%(ids)s::bigint[]) AND role = ANY(%(roles)s::text[])
"""


def counted_at(equipment_ids: Iterable[int], counters: Iterable[SignalDefinition]) -> frozenset[int]:
    """Machines of which people may have told pieces: no counter of theirs is known, or they entered some."""
    alone = {signal.equipment_id for signal in counters if not signal.by_hand}  # type: ignore[attr-defined]
    return frozenset(equipment_ids) - alone


def hand_counts(
    *, equipment_ids: Iterable[int], start: datetime, end: datetime, order_codes: Iterable[str] | None = None
) -> list[Hand]:
    """Counts in force that end in [start, end], oldest first; with ``order_codes``: without an order, and all
    said for those orders whenever they end.
    """
    ids = list(equipment_ids)
    if not ids:
        return []
    inside = Q(end_time__gte=start, end_time__lte=end)
    about = inside if order_codes is None else inside & Q(job_order=None) | Q(job_order__code__in=order_codes)
    return hands(CountAssertion.objects.filter(about, equipment_id__in=ids))


def hands(found: QuerySet[CountAssertion]) -> list[Hand]:
    rows = found.filter(superseded_by=None).order_by("end_time", "id").values_list(*FIELDS)
    return [
        Hand(end, entry, machine, start, order or "", kind, quantity, reason or "", again)
        for end, entry, machine, start, order, kind, quantity, reason, again in rows
    ]


def beside_windows(*, equipment_ids: Iterable[int], start: datetime, end: datetime) -> frozenset[int]:
    """Machines whose pieces in [start, end) closed windows do not hold: people told them where nothing
    counts, or what became of rework; or rework is counted. One read.
    """
    asked: dict[str, Any] = {"ids": list(equipment_ids), "start": start, "end": end, "roles": list(COUNTERS)}
    with connection.cursor() as cursor:
        cursor.execute(TOLD, asked)
        found = cursor.fetchall()
    counting = {machine for machine, what in found if what in COUNTERS}
    return frozenset(
        machine
        for machine, what in found
        if what in RESULTS or what == "rework_count" or (what not in COUNTERS and machine not in counting)
    )


def kinds_told(signals: Sequence[SignalDefinition]) -> dict[int, frozenset[str]]:
    """The kinds each machine's counters tell."""
    by_machine: dict[int, list[SignalDefinition]] = {}
    for signal in signals:
        by_machine.setdefault(signal.equipment_id, []).append(signal)
    return {
        machine: told_kinds(
            [signal.role for signal in mine],
            includes_defective=next((s.total_includes_scrap for s in mine if s.role == "total_count"), None),
        )
        for machine, mine in by_machine.items()
    }
