"""Who has taken something on at a line: open calls for maintenance and open actions, in one read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from django.db.models import CharField, DateField, DateTimeField, F, FilteredRelation, Q, QuerySet, Value
from django.db.models.functions import Cast, Coalesce, NullIf

from maintenance import selectors as maintenance
from mom.improvement.selectors import open_actions

if TYPE_CHECKING:
    from plant.models import Equipment

CALL, TASK = "call", "task"


@dataclass(frozen=True, slots=True)
class Call:
    """An open call for maintenance; ``taken_by`` is empty while nobody has taken it."""

    code: str
    equipment: Equipment
    stop_start: datetime
    said_by: str
    said_at: datetime
    taken_by: str
    taken_at: datetime | None


@dataclass(frozen=True, slots=True)
class Task:
    """An open action."""

    title: str
    equipment: Equipment
    owner: str
    opened_at: datetime
    due_on: date
    reason_code: str


def taken_on(
    lines: Mapping[Equipment, Sequence[Equipment]], *, most: int
) -> tuple[dict[int, list[Call]], dict[int, list[Task]]]:
    """By line, at most so many of each: the calls of the latest stops, the actions soonest due."""
    parts: list[QuerySet[Any, Any]] = []
    for line, units in lines.items():
        here = [line.pk, *(unit.pk for unit in units)]
        parts += [_calls(line)[:most], _tasks(line, here)[:most]]
    calls: dict[int, list[Call]] = {line.pk: [] for line in lines}
    tasks: dict[int, list[Task]] = {line.pk: [] for line in lines}
    by_id = {place.pk: place for line, units in lines.items() for place in (line, *units)}
    rows = list(parts[0].union(*parts[1:], all=True)) if parts else []
    for kind, line_id, place, what, who, at, taker, taken_at, stop_start, due_on, reason in rows:
        equipment = by_id.get(place, by_id[line_id])
        if kind == CALL:
            calls[line_id].append(Call(what, equipment, stop_start, who, at, taker, taken_at))
        else:
            tasks[line_id].append(Task(what, equipment, who, at, due_on, reason))
    for found in calls.values():
        found.sort(key=lambda call: call.stop_start, reverse=True)
    for named in tasks.values():
        named.sort(key=lambda task: task.due_on)
    return calls, tasks


def _person(path: str, otherwise: str) -> Coalesce:
    """A person as they are shown, or who acted where it was no person."""
    return Coalesce(NullIf(f"{path}__name", Value("")), f"{path}__badge", otherwise)


def _text(expression: Any) -> Cast:
    return Cast(expression, CharField())


def _calls(line: Equipment) -> QuerySet[Any, Any]:
    found = maintenance.requests_open(equipment_path=line.path).prefetch_related(None).select_related(None)
    # A request is taken once: the database holds it to that.
    found = found.annotate(taken=FilteredRelation("events", condition=Q(events__kind="taken")))
    return found.values_list(
        Value(CALL),
        Value(line.pk),
        "equipment_id",
        _text(F("code")),
        _text(_person("said_by", "said_by_rule")),
        "said_at",
        _text(Coalesce(_person("taken__person", "taken__actor"), Value(""))),
        "taken__at",
        "stop_start",
        Cast(Value(None), DateField()),
        _text(Value("")),
    )


def _tasks(line: Equipment, equipment_ids: Sequence[int]) -> QuerySet[Any, Any]:
    never = Cast(Value(None), DateTimeField())
    return (
        open_actions(equipment_ids=equipment_ids)
        .select_related(None)
        .values_list(
            Value(TASK),
            Value(line.pk),
            "equipment_id",
            _text(F("title")),
            _text(_person("owner", "owner__badge")),
            "opened_at",
            _text(Value("")),
            never,
            never,
            "due_on",
            _text(Coalesce("reason__code", Value(""))),
        )
    )
