"""Which losses somebody is working on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from mom.improvement.effect import Effect, Spell, effect_of
from mom.improvement.models import Action
from plant import selectors as plant
from production.selectors.history import run_time, run_times
from production.selectors.stopped import in_force

MONTH, WEEK, HOUR = timedelta(days=30), timedelta(days=7), timedelta(hours=1)
# What came before an action, its bad spell included, is looked at for so long, to know how much such counts
# vary by themselves.
WEEKS = 30


def open_actions(
    *, equipment_ids: Iterable[int] | None = None, reason_code: str | None = None
) -> QuerySet[Action]:
    """Actions not closed, soonest due first; of these machines, and about this reason, where given."""
    found = Action.objects.exclude(state=Action.State.CLOSED).select_related("reason", "owner", "equipment")
    if equipment_ids is not None:
        found = found.filter(equipment_id__in=list(equipment_ids))
    if reason_code is not None:
        found = found.filter(reason__code=reason_code)
    return found


def actions_open_at(*, equipment_ids: Iterable[int], at: datetime) -> QuerySet[Action]:
    """Actions of these machines opened by an instant and not closed by then, soonest due first."""
    found = Action.objects.filter(Q(closed_at=None) | Q(closed_at__gt=at), opened_at__lte=at)
    return found.filter(equipment_id__in=list(equipment_ids)).select_related("reason", "owner", "equipment")


def actions_closed(*, since: datetime) -> QuerySet[Action]:
    """Actions closed since an instant, the last first."""
    found = Action.objects.filter(closed_at__gte=since).select_related("reason", "owner", "equipment")
    return found.order_by("-closed_at", "-pk")


def actions_seen() -> QuerySet[Action]:
    """All of them, open and closed."""
    return Action.objects.select_related("reason", "owner", "equipment", "opened_by")


def action_by_id(action_id: int) -> Action:
    """Raises Action.DoesNotExist."""
    return actions_seen().get(pk=action_id)


def actions_about(
    *, stop_id: str, equipment_ids: Iterable[int], reason_id: int | None, since: datetime
) -> QuerySet[Action]:
    """Actions whose evidence is this stop, and those about its reason at these places that were open at its
    time or opened since; oldest first.
    """
    about = Q(evidence__contains=stop_id)
    if reason_id is not None:
        still = Q(closed_at=None) | Q(closed_at__gt=since)
        about |= still & Q(reason_id=reason_id, equipment_id__in=list(equipment_ids))
    found = Action.objects.filter(about).select_related("reason", "owner", "equipment")
    return found.order_by("opened_at", "pk")


def reason_count(*, equipment_id: int, reason_id: int, start: datetime, end: datetime) -> int:
    """How often a reason holds for stops of a machine begun in [start, end)."""
    found = in_force([equipment_id]).filter(reason_id=reason_id, start_time__gte=start, start_time__lt=end)
    return found.values("start_time").distinct().count()


def action_effect(action: Action, *, now: datetime) -> Effect | None:
    """The 30 days before it was opened beside the 30 days since it was done; None without a reason, or
    before it is done. A line's figures are those of its machines.
    """
    if action.reason_id is None or action.done_at is None:
        return None
    units = (
        [unit.pk for unit in plant.line_work_units(action.equipment_id)]
        if action.equipment.level == "line"
        else [action.equipment_id]
    )
    reason = action.reason_id
    before = _spell(units, reason, action.opened_at - MONTH, action.opened_at)
    after = _spell(units, reason, action.done_at, min(action.done_at + MONTH, now))
    return effect_of(before, after, _weeks(units, reason, action.opened_at))


def _weeks(units: list[int], reason_id: int, end: datetime) -> list[tuple[int, float]]:
    """Count and hours run of each week before an instant, in two reads."""
    windows = [(end - (n + 1) * WEEK, end - n * WEEK) for n in range(WEEKS)]
    said = in_force(units).filter(reason_id=reason_id, start_time__gte=windows[-1][0], start_time__lt=end)
    counts = [0] * WEEKS
    for _machine, begin in set(said.order_by().values_list("equipment_id", "start_time")):
        # Half-open: what begins with a week is that week's.
        counts[WEEKS - 1 - (begin - windows[-1][0]) // WEEK] += 1
    ran = run_times(equipment_ids=units, windows=windows)
    hours = [sum(one.values(), timedelta()) / HOUR for one in ran]
    return list(zip(counts, hours, strict=True))


def _spell(units: list[int], reason_id: int, start: datetime, end: datetime) -> Spell:
    said = in_force(units).filter(reason_id=reason_id, start_time__gte=start, start_time__lt=end)
    # Of a rule's word under a person's only one counts; a stop that still goes on adds no time.
    rows = {
        (machine, begin): finish
        for machine, begin, finish in said.order_by("said_at").values_list(
            "equipment_id", "start_time", "end_time"
        )
    }
    stopped = sum((until - key[1] for key, until in rows.items() if until), timedelta())
    ran = (
        sum(run_time(equipment_ids=units, start=start, end=end).values(), timedelta())
        if end > start
        else None
    )
    return Spell(start, max(end, start), len(rows), stopped, (ran or timedelta()) / HOUR)
