"""Manual stations: what people said of their state, and until when that is known."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Max, OuterRef, Q, QuerySet, Subquery

from connectors import selectors as connectors
from production.domain.manual import TOLD, Told, state_told, told_of, values
from production.domain.states import UNKNOWN
from production.domain.stitching import Sample, Signal
from production.models import StateAssertion, StationWatermark

# Silence after which the last word is not believed to hold, where the station has no limit of its own.
STALE_AFTER = timedelta(hours=12)
SIGNAL = Signal(TOLD, "state")


def states_said(equipment_id: int) -> QuerySet[StateAssertion]:
    """What stands of what was said, with who said it."""
    found = StateAssertion.objects.filter(equipment_id=equipment_id, superseded_by=None).exclude(state="")
    return found.select_related("said_by")


def _standing(equipment_id: int, start: datetime, end: datetime) -> list[Told]:
    """What stands and decides the state of instants in [start, end]."""
    standing = states_said(equipment_id)
    lasting = standing.filter(end_time=None, start_time__lte=start).order_by()
    last = lasting.aggregate(at=Max("start_time"))["at"] or start
    inside = Q(end_time=None, start_time__gte=last) | Q(end_time__gt=start)
    rows = standing.filter(inside, start_time__lte=end)
    fields = ("start_time", "end_time", "state", "said_at", "id")
    return [Told(*row) for row in rows.values_list(*fields)]


def samples_said(equipment_id: int, start: datetime, end: datetime) -> list[Sample]:
    """What was said, as values of a state signal in [start, end)."""
    said = StateAssertion.objects.filter(equipment_id=equipment_id).order_by()
    heard: set[datetime] = set()
    for name in ("start_time", "end_time"):
        inside = {f"{name}__gte": start, f"{name}__lt": end}
        heard.update(said.filter(**inside).values_list(name, flat=True))
    if not heard:
        return []
    standing = _standing(equipment_id, min(heard), max(heard))
    return [(at, TOLD, state, False) for at, state in values(standing, heard)]


def last_said_before(equipment_id: int, at: datetime) -> dict[int, tuple[datetime, object, bool]]:
    """The last value of that signal before an instant, as ``opened_at`` wants it."""
    said = StateAssertion.objects.filter(equipment_id=equipment_id)
    started = said.filter(start_time__lt=at).aggregate(last=Max("start_time"))["last"]
    if started is None:
        return {}
    ended = said.filter(end_time__lt=at).aggregate(last=Max("end_time"))["last"]
    heard = max(started, ended or started)
    state = state_told(_standing(equipment_id, heard, heard), heard)
    return {TOLD: (heard, state or UNKNOWN, False)}


def horizon_for(*, equipment_id: int, is_manual: bool) -> datetime | None:
    """Up to when everything is known of a machine: what its connections say, and for a manual station the
    last watermark of what people said; the earlier of both.
    """
    told = connectors.horizon_for(equipment_id=equipment_id)
    if not is_manual:
        return told
    marks = StationWatermark.objects.filter(equipment_id=equipment_id)
    people = marks.aggregate(at=Max("at"))["at"]
    known = [at for at in (told, people) if at is not None]
    return min(known, default=None)


def watermarks_due(equipment_ids: Iterable[int], *, before: datetime) -> list[int]:
    """Stations with entries whose last watermark is older than ``before``, or that have none."""
    latest = StationWatermark.objects.filter(equipment_id=OuterRef("equipment_id")).order_by("-at")
    said = StateAssertion.objects.filter(equipment_id__in=list(equipment_ids)).order_by("equipment_id")
    rows = said.annotate(reached=Subquery(latest.values("at")[:1])).values_list("equipment_id", "reached")
    return [pk for pk, reached in rows.distinct() if reached is None or reached < before]


def state_said(equipment_id: int, at: datetime) -> Told | None:
    """What holds at an instant by what was said: the entry that says so, from where on it does."""
    told = _standing(equipment_id, at, at)
    return told_of(told, at)
