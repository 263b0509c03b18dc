"""Replacing derived rows by new ones, touching only those that differ."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Model, QuerySet

Row = tuple[Any, ...]
NULL = r"\N"


@dataclass(frozen=True, slots=True)
class Difference:
    """What a derivation would change in one table: rows gone, rows new. Both are (columns, …) in the table's
    order.
    """

    model: type[Model]
    columns: tuple[str, ...]
    gone: Mapping[Any, Row]
    new: tuple[Row, ...]

    def __bool__(self) -> bool:
        return bool(self.gone or self.new)

    def lines(self) -> list[str]:
        """Each difference in words, for ``rebuild --check``."""
        name = self.model._meta.model_name
        return [f"{name}: stored {_told(row)}" for row in self.gone.values()] + [
            f"{name}: derived {_told(row)}" for row in self.new
        ]


def _told(row: Row) -> str:
    return " ".join(value.isoformat() if hasattr(value, "isoformat") else str(value) for value in row)


def difference(stored: QuerySet[Any], columns: Sequence[str], derived: Iterable[Row]) -> Difference:
    """Compare stored rows with derived ones by value; row numbers do not count."""
    names = tuple(columns)
    return compared(stored.model, names, stored.values_list("pk", *names), derived)


def compared(
    model: type[Model], columns: tuple[str, ...], stored: Iterable[Row], derived: Iterable[Row]
) -> Difference:
    """``difference`` of rows read already, each behind its key."""
    held: dict[Any, Row] = {row[0]: tuple(row[1:]) for row in stored}
    wanted = list(derived)
    have = set(held.values())
    want = set(wanted)
    return Difference(
        model,
        columns,
        {pk: row for pk, row in held.items() if row not in want},
        tuple(row for row in wanted if row not in have),
    )


def apply(change: Difference) -> int:
    """Delete what is gone, then copy in what is new. Returns the number of rows touched."""
    if change.gone:
        # In this order: rows of a machine may not overlap even for an instant.
        meta = change.model._meta
        with connection.cursor() as cursor:
            cursor.execute(
                f"DELETE FROM {meta.db_table} WHERE {meta.pk.column} = ANY(%s)",  # type: ignore[union-attr]
                [list(change.gone)],
            )
    rows_copy(change.model, change.columns, change.new)
    return len(change.gone) + len(change.new)


def rows_copy(model: type[Model], columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Bulk insert by COPY: one round trip, whatever the number of rows."""
    if not rows:
        return
    text = io.StringIO()
    writer = csv.writer(text)
    for row in rows:
        writer.writerow([NULL if value is None else value for value in row])
    text.seek(0)
    names = ", ".join(connection.ops.quote_name(_column(model, name)) for name in columns)
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        cursor.copy_expert(f"COPY {table} ({names}) FROM STDIN (FORMAT csv, NULL '{NULL}')", text)


def _column(model: type[Model], name: str) -> str:
    field = model._meta.get_field(name.removesuffix("_id") if name.endswith("_id") else name)
    return str(field.column)  # type: ignore[union-attr]
