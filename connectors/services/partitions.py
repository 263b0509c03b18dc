"""Day partitions of the samples: made ahead for the future, on demand for the past."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from django.db import connection

_known: dict[str, set[date]] = {}


def partitions_ensure(*, days: Iterable[date]) -> None:
    """Makes the missing partitions, earliest first (one order for everyone: no deadlock).

    Remembers what exists.
    """
    known = _known.setdefault(str(connection.settings_dict["NAME"]), set())
    missing = sorted(set(days) - known)
    if not missing:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT day FROM unnest(%s::date[]) AS day WHERE to_regclass("
            "'public.connectors_signalsample_' || to_char(day, 'YYYYMMDD')) IS NULL ORDER BY day",
            [missing],
        )
        for (day,) in cursor.fetchall():
            cursor.execute("SELECT connectors_sample_partition_ensure(%s)", [day])
    if not connection.in_atomic_block:
        known.update(missing)


def partitions_ahead(*, now: datetime, days: int = 3) -> None:
    first = now.date()
    partitions_ensure(days=(first + timedelta(days=ahead) for ahead in range(days + 1)))
