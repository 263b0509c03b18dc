"""What the page of a line shows of its stops, of any number of lines in one read."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

from django.db import connection
from django.db.models import JSONField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, JSONObject, NullIf

from plant.access import Actor, Grant
from plant.models.base import bilingual
from production.models import ReasonAssertion, Stop
from production.selectors.stopped import stops, stops_uncoded

if TYPE_CHECKING:
    from plant.models import Equipment

# The rows of ``_statement`` begin with these, and end with what was said.
COLUMNS = [field.attname for field in Stop._meta.concrete_fields]


@dataclass(frozen=True, slots=True)
class StopAnswered:
    """A stop with the reason in force, who said it and when."""

    stop: Stop
    reason_en: str
    reason_fr: str
    who: str
    at: datetime

    @property
    def reason(self) -> str:
        return bilingual(self.reason_en, self.reason_fr)


@dataclass(frozen=True, slots=True)
class StopsShown:
    """Newest first."""

    waiting: list[Stop]
    answered: list[StopAnswered]


@dataclass(frozen=True, slots=True)
class LineAsked:
    """A line whose stops are asked for: its machines, and since when answered ones are of interest."""

    path: str
    units: Sequence[Equipment]
    since: datetime


def stops_shown(*, lines: Mapping[int, LineAsked], waiting: int, answered: int) -> dict[int, StopsShown]:
    """By line: its stops that wait for a reason, and the last ones since a time that were given one, each at
    most so many. What a reader may do is decided where it is shown.
    """
    shown = {line_id: StopsShown([], []) for line_id in lines}
    if not lines:
        return shown
    given: dict[Any, Any] = {}
    for number, asked in enumerate(lines.values()):
        given |= {_below(_place(number)): _below(asked.path), _instant(number): asked.since}
    sql, parameters = _statement(len(lines), waiting, answered)
    with connection.cursor() as cursor:
        cursor.execute(sql, [given.get(value, value) for value in parameters])
        rows = [
            (Stop.from_db(connection.alias, COLUMNS, row[: len(COLUMNS)]), json.loads(row[-1]))
            for row in cursor.fetchall()
        ]
    rows.sort(key=lambda row: row[0].pk)
    rows.sort(key=lambda row: row[0].start_time, reverse=True)
    machines = {unit.pk: unit for asked in lines.values() for unit in asked.units}
    for stop, said in rows:
        stop.work_unit = machines[stop.work_unit_id]
        of_line = shown[stop.work_unit.parent_id or 0]
        if said is None:
            of_line.waiting.append(stop)
        else:
            at = datetime.fromisoformat(said["at"])
            of_line.answered.append(StopAnswered(stop, said["en"], said["fr"], said["who"], at))
    return shown


@cache
def _statement(lines: int, waiting: int, answered: int) -> tuple[str, tuple[Any, ...]]:
    """SQL and parameters for so many lines, where ``_place`` and ``_instant`` stand for those asked for.

    Building it takes the ORM several times as long as the database takes to answer it.
    """
    nothing = Value(None, JSONField())
    parts: list[QuerySet[Any]] = []
    for number in range(lines):
        actor = Actor(label="line page", grants=(Grant("supervisor", _place(number)),))
        waits: Any = stops_uncoded(actor).select_related(None)
        found: Any = stops(actor).select_related(None)
        told = found.filter(start_time__gte=_instant(number), assertion_id__isnull=False)
        parts += [waits.annotate(said=nothing)[:waiting], told.annotate(said=_said())[:answered]]
    sql, parameters = parts[0].union(*parts[1:], all=True).query.sql_with_params()
    return sql, tuple(parameters)


def _place(number: int) -> str:
    return f"/the path of line {number}/"


def _below(path: str) -> str:
    """The parameter of ``path__startswith``."""
    return f"{connection.ops.prep_for_like_query(path)}%"


def _instant(number: int) -> datetime:
    return datetime(1, 1, 1, tzinfo=UTC) + timedelta(days=number)


def _said() -> Subquery:
    """The reason in force of a stop of ``stops``, as it is shown."""
    person = Coalesce(NullIf("said_by__name", Value("")), "said_by__badge", "said_by_rule")
    shown = JSONObject(en="reason__name_en", fr="reason__name_fr", at="said_at", who=person)
    return Subquery(
        ReasonAssertion.objects.filter(pk=OuterRef("assertion_id")).values(shown=shown)[:1],
        output_field=JSONField(),
    )
