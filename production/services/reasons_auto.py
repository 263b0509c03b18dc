"""Reasons that named rules say from fault codes: once per stop, never over what a person said."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import connection, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone

from plant import hooks
from plant import selectors as plant
from plant.access import Actor, Grant
from plant.selectors.reasons import class_and_wider, reason_in_force
from production.domain.reason_rules import Reported, Rule, Verdict, verdict
from production.models import (
    AlarmInterval,
    ReasonAssertion,
    ReasonRule,
    StateInterval,
    StitchCheckpoint,
    Stop,
)
from production.selectors.stopped import reaching
from production.selectors.stored import checkpoint_of
from production.services.assertions import _told, reasons_together

if TYPE_CHECKING:
    from plant.models import Equipment

log = logging.getLogger(__name__)
LOCK = 52
# What a wake-up looks at; older stops, of late data, are the sweep's.
RECENT, CATCH_UP = timedelta(days=2), timedelta(days=35)
# A request for an older stop would call somebody to a machine that runs again.
FRESH = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Bound:
    """The rules that may speak of one machine, each with its row."""

    unit: Equipment
    rules: tuple[Rule, ...]
    rows: dict[int, ReasonRule]

    @property
    def look_back(self) -> timedelta:
        return max(rule.look_back for rule in self.rules)

    def at(self, start: datetime) -> list[Rule]:
        """Those whose reason may be given to a stop that began then."""
        return [rule for rule in self.rules if reason_in_force(self.rows[rule.id].reason, start)]


@transaction.atomic
def reasons_auto(*, work_unit_id: int, reach: timedelta = RECENT) -> int:
    """Say by rule why a machine stopped, where a rule matches and nobody said anything; how many were said.

    Looks at stops that need a reason and began within ``reach`` of what is known. Safe to run at any time,
    any number of times: a stop of which anything was ever said, or taken back, is left alone.
    """
    revision = plant.configuration_revision()
    bound = plant.configuration_kept(
        ("reason rules", work_unit_id), revision=revision, make=lambda: _rules_for(work_unit_id)
    )
    if bound is None:
        return 0
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [LOCK, work_unit_id])
    checkpoint = checkpoint_of(work_unit_id)
    if checkpoint is None:
        return 0
    since = max(checkpoint.horizon - reach, min(rule.valid_from for rule in bound.rules))
    stops = list(_unsaid(work_unit_id).filter(start_time__gte=since).order_by("start_time"))
    reported = _reported(stops, bound.look_back)
    spoken = 0
    with reasons_together(stops, lambda stop: (bound.unit.code, stop.start_time)) as in_turn:
        for stop in in_turn:
            found = verdict(stop.start_time, reported[stop.start_time], bound.at(stop.start_time))
            if found is not None:
                _rule_say(stop, found, bound, checkpoint.horizon)
                spoken += 1
    return spoken


def reasons_catch_up() -> int:
    """``reasons_auto`` for every machine, as far back as late data is expected. One that fails is logged and
    stops no other.
    """
    spoken = 0
    for unit_id in list(StitchCheckpoint.objects.order_by("pk").values_list("work_unit_id", flat=True)):
        try:
            spoken += reasons_auto(work_unit_id=unit_id, reach=CATCH_UP)
        except Exception:
            log.exception("rules of reasons failed for machine %s, others go on", unit_id)
    return spoken


def _rules_for(work_unit_id: int) -> Bound | None:
    unit = plant.equipment_for_ids([work_unit_id]).get(work_unit_id)
    if unit is None:
        return None
    classes = class_and_wider(unit.equipment_class_id)
    mine = Q(equipment_id=work_unit_id) | Q(equipment=None, equipment_class_id__in=classes)
    offered = Q(reason__equipment_class=None) | Q(reason__equipment_class_id__in=classes)
    found = ReasonRule.objects.filter(
        mine | Q(equipment=None, equipment_class=None), offered, is_active=True, reason__is_active=True
    )
    rows = {row.pk: row for row in found.select_related("reason")}
    rules = tuple(
        Rule(
            row.pk,
            row.code,
            row.fault_code,
            row.priority,
            row.look_back,
            row.valid_from,
            2 if row.equipment_id else 1 if row.equipment_class_id else 0,
        )
        for row in rows.values()
    )
    return Bound(unit, rules, rows) if rules else None


def _unsaid(work_unit_id: int) -> QuerySet[Stop]:
    """Stops that need a reason and of which nothing was ever said, superseded or not."""
    said = ReasonAssertion.objects.filter(reaching(), equipment_id=OuterRef("work_unit_id"))
    return Stop.objects.filter(~Q(Exists(said)), work_unit_id=work_unit_id, needs_reason=True)


def _reported(stops: Sequence[Stop], look_back: timedelta) -> dict[datetime, list[Reported]]:
    """The codes of each stop, by its start: its own fault, alarms raised and faults shown around it."""
    if not stops:
        return {}
    unit_id, since = stops[0].work_unit_id, stops[0].start_time - look_back
    until = stops[-1].start_time + look_back
    raised = AlarmInterval.objects.filter(
        work_unit_id=unit_id, start_time__gte=since, start_time__lte=until
    ).values_list("code", "start_time")
    shown = (
        StateInterval.objects.filter(
            Q(end_time=None) | Q(end_time__gte=since), work_unit_id=unit_id, start_time__lte=until
        )
        .exclude(fault_code="")
        .values_list("fault_code", "start_time", "end_time")
    )
    alarms, faults = list(raised), list(shown)
    found: dict[datetime, list[Reported]] = {}
    for stop in stops:
        own = [Reported(stop.fault_code, None)] if stop.fault_code else []
        near = [Reported(code, at) for code, at in alarms]
        # The instant nearest to the stop at which the machine still, or already, showed the fault.
        near += [
            Reported(code, max(start, min(stop.start_time, end or stop.start_time)))
            for code, start, end in faults
        ]
        found[stop.start_time] = own + near
    return found


def _rule_say(stop: Stop, found: Verdict, bound: Bound, horizon: datetime) -> None:
    row = bound.rows[found.rule.id]
    by = Actor(label=f"auto: rule {row.code}", grants=(Grant("admin", "/"),))
    said = ReasonAssertion.objects.create(
        equipment_id=stop.work_unit_id,
        start_time=stop.start_time,
        end_time=stop.end_time,
        reason=row.reason,
        rule=row,
        said_by_rule=by.label,
        # As the machine told it: whatever a person says of the stop, offline too, is said later and holds.
        said_at=stop.start_time,
    )
    reason = row.reason
    if horizon - stop.start_time <= FRESH:
        what = (reason.code, reason.opens_request, "")
        hooks.reason_said.tell(
            hooks.ReasonSaid(stop.work_unit_id, stop.start_time, *what, by, timezone.now())
        )
    after = {
        "reason": reason.code,
        "rule": row.code,
        "reported": found.reported.code,
        "start_time": stop.start_time,
        "end_time": stop.end_time,
    }
    _told(said, "stop.reason", bound.unit, by, after)
