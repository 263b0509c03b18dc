"""Day partitions of the samples: made ahead for the future, on demand for the past, dropped once packed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta

import psycopg2.errors
from django.db import ProgrammingError, connection, transaction

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
            _partition_make(day)
    if not connection.in_atomic_block:
        known.update(missing)


def _partition_make(day: date) -> None:
    """Whoever waited for another that makes the same day may not see it yet: PostgreSQL remembers for a
    session which names are none, and an advisory lock does not make it look again.
    """
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT connectors_sample_partition_ensure(%s)", [day])
    except ProgrammingError as error:
        if not isinstance(error.__cause__, psycopg2.errors.DuplicateTable):
            raise


def partitions_ahead(*, now: datetime, days: int = 3) -> None:
    first = now.date()
    partitions_ensure(days=(first + timedelta(days=ahead) for ahead in range(days + 1)))


def partition_drop(*, day: date) -> bool:
    """Whether the partition of a day was there, empty, and is gone. Raises OperationalError: it is in use."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT connectors_sample_partition_drop(%s)", [day])
        (gone,) = cursor.fetchone()
    partitions_forget()
    return bool(gone)


def partitions_forget() -> None:
    """Look again: a partition that was there may have been dropped with its day packed, by any process."""
    _known.pop(str(connection.settings_dict["NAME"]), None)
