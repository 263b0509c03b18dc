"""What the page of a line shows of its stops, of any number of lines in one read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import JSONField, OuterRef, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce, JSONObject, NullIf

from plant.access import Actor, Grant
from plant.models.base import bilingual
from production.models import ReasonAssertion, Stop
from production.selectors.stopped import stops, stops_uncoded


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


def stops_shown(
    *, lines: Mapping[int, tuple[str, datetime]], waiting: int, answered: int
) -> dict[int, StopsShown]:
    """By line: its stops that wait for a reason, and the last ones since a time that were given one, each at
    most so many. ``lines``: path and that time of each. What a reader may do is decided where it is shown.
    """
    parts: list[QuerySet[Any]] = []
    for path, since in lines.values():
        actor = Actor(label="line page", grants=(Grant("supervisor", path),))
        nothing = Value(None, JSONField())
        parts.append(stops_uncoded(actor).annotate(said=nothing)[:waiting])
        found: Any = stops(actor)
        given = found.filter(start_time__gte=since, assertion_id__isnull=False)
        parts.append(given.annotate(said=_said())[:answered])
    shown = {line_id: StopsShown([], []) for line_id in lines}
    rows = list(parts[0].union(*parts[1:], all=True)) if parts else []
    rows.sort(key=lambda row: row.pk)
    rows.sort(key=lambda row: row.start_time, reverse=True)
    for row in rows:
        of_line = shown[row.work_unit.parent_id]
        if row.said is None:
            of_line.waiting.append(row)
        else:
            said = row.said
            at = datetime.fromisoformat(said["at"])
            of_line.answered.append(StopAnswered(row, said["en"], said["fr"], said["who"], at))
    return shown


def _said() -> Subquery:
    """The reason in force of a stop of ``stops``, as it is shown."""
    person = Coalesce(NullIf("said_by__name", Value("")), "said_by__badge", "said_by_rule")
    shown = JSONObject(en="reason__name_en", fr="reason__name_fr", at="said_at", who=person)
    return Subquery(
        ReasonAssertion.objects.filter(pk=OuterRef("assertion_id")).values(shown=shown)[:1],
        output_field=JSONField(),
    )
