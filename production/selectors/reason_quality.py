"""How well stops are explained: how much, how soon, how clearly. Of reasons and lines, never of people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from statistics import median
from typing import TYPE_CHECKING

from django.db.models import F, Q

from plant import selectors as plant
from plant.domain.quantities import ratio
from production.domain.oee import seconds
from production.models import ReasonAssertion, Stop
from production.selectors.accounts import accounts
from production.selectors.stopped import in_force

if TYPE_CHECKING:
    from plant.models import Equipment, Reason

UNUSED_FOR = timedelta(days=30)
NONE = timedelta()


@dataclass(frozen=True, slots=True)
class ReasonQuality:
    """Of one line in [start, end). ``asked``: stop time that asks for a reason; ``coded`` is part of it, and
    ``other`` (under catch-all reasons) of that. ``by_rule``: entries of rules, ``rule_corrected`` of them
    corrected by people. ``to_reason``: median from a stop's start to a person's first word; None without any.
    """

    line: Equipment
    start: datetime
    end: datetime
    asked: timedelta
    coded: timedelta
    other: timedelta
    to_reason: timedelta | None
    said: int
    recoded: int
    by_rule: int
    rule_corrected: int
    unused: tuple[Reason, ...]

    @property
    def coded_share(self) -> Decimal | None:
        return ratio(seconds(self.coded), seconds(self.asked))

    @property
    def other_share(self) -> Decimal | None:
        return ratio(seconds(self.other), seconds(self.coded))


@dataclass(frozen=True, slots=True)
class ReasonUse:
    """How often a reason holds in a window, and for how long; entries still without an end add no time."""

    reason: Reason
    count: int
    duration: timedelta


def reason_quality(*, line: Equipment, start: datetime, end: datetime) -> ReasonQuality:
    """The share explained is that of the data-quality badge, over all machines of the line."""
    units = plant.line_work_units(line.pk)
    ids = [unit.pk for unit in units]
    asked, coded, other = _times(units, start, end)
    waits = _waits(ids, start, end)
    rules = ReasonAssertion.objects.filter(
        equipment_id__in=ids, rule__isnull=False, start_time__gte=start, start_time__lt=end
    )
    return ReasonQuality(
        line=line,
        start=start,
        end=end,
        asked=asked,
        coded=coded,
        other=other,
        to_reason=timedelta(seconds=median(wait.total_seconds() for wait in waits)) if waits else None,
        said=len(waits),
        recoded=_recoded(ids, start, end),
        by_rule=rules.count(),
        rule_corrected=_corrected(list(rules)),
        unused=tuple(_unused(units, end)),
    )


def _times(
    units: Sequence[Equipment], start: datetime, end: datetime
) -> tuple[timedelta, timedelta, timedelta]:
    """Stop time that asks for a reason, of it with one, and of that with one that says little."""
    catch_all = set(
        plant.configuration_rows("plant.Reason", is_catch_all=True).values_list("code", flat=True)
    )
    asked = coded = other = NONE
    for account in accounts(equipment=units, start=start, end=end).values():
        for segment in account.segments:
            if segment.reason_code and segment.stop_start:
                coded += segment.duration
                other += segment.duration if segment.reason_code in catch_all else NONE
        asked += account.uncoded
    return asked + coded, coded, other


def _waits(ids: Sequence[int], start: datetime, end: datetime) -> list[timedelta]:
    """From the start of each stop that needs a reason to the first word of a person about it."""
    stops = Stop.objects.filter(
        work_unit_id__in=ids, start_time__gte=start, start_time__lt=end, needs_reason=True
    )
    wanted = set(stops.values_list("work_unit_id", "start_time"))
    first: dict[tuple[int, datetime], datetime] = {}
    said = ReasonAssertion.objects.filter(
        equipment_id__in=ids, start_time__gte=start, start_time__lt=end, rule=None, reason__isnull=False
    )
    for machine, at, said_at in said.order_by("said_at").values_list("equipment_id", "start_time", "said_at"):
        if (machine, at) in wanted:
            first.setdefault((machine, at), said_at)
    return [max(said_at - at, NONE) for (_machine, at), said_at in first.items()]


def _recoded(ids: Sequence[int], start: datetime, end: datetime) -> int:
    """Entries of people that gave another reason than a person had given before; splits and merges aside."""
    return (
        ReasonAssertion.objects.filter(
            equipment_id__in=ids,
            start_time__gte=start,
            start_time__lt=end,
            together=None,
            reason__isnull=False,
            supersedes__reason__isnull=False,
            supersedes__rule=None,
        )
        .exclude(reason=F("supersedes__reason"))
        .count()
    )


def _corrected(rules: Sequence[ReasonAssertion]) -> int:
    """Entries of rules in whose place, or over which, people said something else."""
    differs = Q(reason=None) | ~Q(reason=F("supersedes__reason"))
    replaced = ReasonAssertion.objects.filter(differs, supersedes__in=rules)
    keys = {(said.equipment_id, said.start_time): said for said in rules}
    gone = set(replaced.values_list("supersedes_id", flat=True))
    over = in_force({machine for machine, _at in keys}).filter(
        rule=None, start_time__in={at for _machine, at in keys}
    )
    for said in over:
        rule = keys.get((said.equipment_id, said.start_time))
        if rule is not None and rule.reason_id != said.reason_id:
            gone.add(rule.pk)
    return len(gone)


def _unused(units: Sequence[Equipment], end: datetime) -> list[Reason]:
    """Reasons offered on the line's machines that nobody gave in 30 days, in their fixed order."""
    ids = [unit.pk for unit in units]
    used = set(
        ReasonAssertion.objects.filter(
            equipment_id__in=ids, start_time__gte=end - UNUSED_FOR, start_time__lt=end
        ).values_list("reason_id", flat=True)
    )
    offered: dict[int, Reason] = {}
    classes: dict[int | None, Equipment] = {unit.equipment_class_id: unit for unit in units}
    for unit in classes.values():
        offered |= {reason.pk: reason for reason in plant.reasons_offered(unit, at=end) if reason.time_class}
    unused = [reason for pk, reason in offered.items() if pk not in used]
    return sorted(unused, key=lambda reason: (reason.position, reason.code))


def reason_uses(*, equipment_ids: Iterable[int], start: datetime, end: datetime) -> list[ReasonUse]:
    """Reasons that hold for stops begun in [start, end) on some machines, the longest first."""
    said = in_force(equipment_ids).filter(start_time__gte=start, start_time__lt=end).select_related("reason")
    count: Counter[int] = Counter()
    time: dict[int, timedelta] = {}
    reasons: dict[int, Reason] = {}
    # A rule's word under a person's says nothing more: the last said for a start holds.
    held = {(item.equipment_id, item.start_time): item for item in said.order_by("said_at", "pk")}
    for item in held.values():
        assert item.reason is not None
        reasons[item.reason.pk] = item.reason
        count[item.reason.pk] += 1
        time[item.reason.pk] = time.get(item.reason.pk, NONE) + (
            item.end_time - item.start_time if item.end_time else NONE
        )
    found = [ReasonUse(reason, count[pk], time[pk]) for pk, reason in reasons.items()]
    return sorted(found, key=lambda use: (-use.duration, -use.count, use.reason.code))
