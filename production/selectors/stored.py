"""A machine's derived rows around a window: what a fold begins with, and what its own rows are compared with.

Each table is read once for both, and not at all where no signal of the machine writes to it. The statements
are put together once per process: that takes the ORM several times as long as the database takes to answer.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Model

from production.domain.counters import BUCKET
from production.domain.stitching import COUNTERS
from production.models import (
    AlarmInterval,
    LotSpan,
    OrderSpan,
    QuantityActual,
    StateInterval,
    StitchCheckpoint,
    Stop,
    ToolSpan,
)
from production.selectors.stopped import FAR

# Read past what is asked for: a window that grows until its rows agree seldom needs more.
FURTHER = timedelta(hours=1)
# The key of a row, then its columns in the order of the table.
Held = tuple[Any, ...]

# Rows of a machine lie apart: of those that began before the window only the last one can reach it. Found by
# their ends, all since would be read.
APART = """
SELECT {columns} FROM {table} WHERE {unit} = %(unit)s AND start_time >= %(start)s AND start_time < %(end)s
UNION ALL
SELECT * FROM (
    SELECT {columns} FROM {table} WHERE {unit} = %(unit)s AND start_time < %(start)s
    ORDER BY start_time DESC LIMIT 1
) AS last WHERE end_time IS NULL OR end_time >= %(start)s
"""
# Rows of several signals, which may overlap; there are few.
REACHING = """
SELECT {columns} FROM {table}
WHERE {unit} = %(unit)s AND start_time < %(end)s AND (end_time IS NULL OR end_time >= %(start)s)
"""
SIGNALLED = f"{REACHING} AND source = '{OrderSpan.Source.SIGNAL}'"
# The five minutes the window begins in too: they may be continued.
COUNTED = """
SELECT {columns} FROM {table}
WHERE {unit} = %(unit)s AND end_time >= %(start)s AND end_time < %(end)s + %(bucket)s
"""

CHECKPOINT = """
SELECT work_unit_id, begun, folded_to, horizon FROM production_stitchcheckpoint WHERE work_unit_id = %s
"""


class Table(NamedTuple):
    """A table a fold writes to: its columns as they are written, and the roles of the signals that fill it
    (none: every machine has rows). ``unit`` names the machine.
    """

    model: type[Model]
    columns: tuple[str, ...]
    query: str
    roles: frozenset[str] = frozenset()
    unit: str = "work_unit_id"

    def read(self, **about: Any) -> list[Held]:
        with connection.cursor() as cursor:
            cursor.execute(self.query, about)
            return cursor.fetchall()

    def pick(self, *names: str) -> Callable[[Held], Any]:
        """Columns of a row by name; one alone as it is."""
        return itemgetter(*(self.columns.index(name) + 1 for name in names))


def _table(
    model: type[Model], columns: str, query: str, roles: Collection[str] = (), unit: str = "work_unit_id"
) -> Table:
    names = tuple(columns.split())
    key: str = model._meta.pk.column  # type: ignore[union-attr,assignment]
    text = query.format(columns=", ".join([key, *names]), table=model._meta.db_table, unit=unit)
    return Table(model, names, text, frozenset(roles), unit)


STATES = _table(StateInterval, "work_unit_id start_time end_time state mode fault_code cause", APART)
STOPS = _table(Stop, "id work_unit_id start_time end_time base_class size fault_code needs_reason", APART)
ORDERS = _table(
    OrderSpan, "equipment_id order_code start_time end_time source", SIGNALLED, ["order"], "equipment_id"
)
TOOLS = _table(ToolSpan, "work_unit_id signal_id tool_code start_time end_time", REACHING, ["tool"])
LOTS = _table(LotSpan, "work_unit_id signal_id lot_code start_time end_time", REACHING, ["lot"])
ALARMS = _table(
    AlarmInterval,
    "work_unit_id signal_id code text start_time acknowledged_at end_time",
    REACHING,
    ["alarm", "fault_code"],
)
COUNTS = _table(
    QuantityActual, "work_unit_id signal_id kind start_time end_time flag quantity", COUNTED, COUNTERS
)


def checkpoint_of(work_unit_id: int) -> StitchCheckpoint | None:
    """How far a machine is folded; None: nothing of it is."""
    with connection.cursor() as cursor:
        cursor.execute(CHECKPOINT, [work_unit_id])
        row = cursor.fetchone()
    return None if row is None else StitchCheckpoint(*row)


class Stored:
    """The stored rows of one machine from ``start`` on, read when they are first asked for. Held still by the
    machine's lock.
    """

    def __init__(
        self,
        unit_id: int,
        roles: Collection[str],
        start: datetime,
        until: datetime | None,
        *,
        whole: bool = False,
    ) -> None:
        """``until``: what will be asked for at least, None for everything. ``whole``: of every table, even
        those no signal of the machine writes to any more.
        """
        self._unit, self._roles, self._whole = unit_id, frozenset(roles), whole
        self.start = start
        self._until = FAR if until is None else until + FURTHER
        self._read: dict[Table, tuple[datetime, list[Held]]] = {}

    def begun(self, table: Table, end: datetime | None) -> list[Held]:
        """Rows that reach the start or begin after it, before an instant; None: all of them. Of counters,
        what was counted in that time: five minutes begun before it are left out.
        """
        rows = self._rows(table, end or FAR)
        if table is not COUNTS:
            begun = table.pick("start_time")
            return [row for row in rows if begun(row) < (end or FAR)]
        return [row for row in rows if self.start <= _counted_at(row) < (end or FAR)]

    def reaching(self, table: Table, at: datetime) -> list[Held]:
        """Rows that began before an instant and reach it, by their start."""
        begun, ended = table.pick("start_time"), table.pick("end_time")
        found = (row for row in self._rows(table, at) if begun(row) < at <= (ended(row) or FAR))
        return sorted(found, key=begun)

    def buckets_at_start(self) -> list[Held]:
        """The five minutes in which the window begins, of each counter."""
        start, end, flag = (COUNTS.pick(name) for name in ("start_time", "end_time", "flag"))
        rows = self._rows(COUNTS, self.start)
        return [row for row in rows if not flag(row) and start(row) <= self.start < end(row)]

    def _rows(self, table: Table, end: datetime) -> list[Held]:
        if table.roles and not self._whole and not table.roles & self._roles:
            return []
        until, rows = self._read.get(table, (self.start, []))
        if table not in self._read or end > until:
            until = max(self._until, end + FURTHER)
            rows = table.read(unit=self._unit, start=self.start, end=until, bucket=BUCKET)
            self._read[table] = until, rows
        return rows


_PLACE = COUNTS.pick("flag", "start_time", "end_time")


def _counted_at(row: Held) -> datetime:
    """Five minutes are told by their start, a flagged step by the sample it was seen with."""
    flag, start, end = _PLACE(row)
    at: datetime = end if flag else start
    return at
