"""Why we ask: what the reasons of the last month led to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from maintenance import selectors as maintenance
from mom.improvement.models import Action
from mom.improvement.trail import SUBJECT
from plant import selectors
from plant.access import Actor, scoped
from production import selectors as production
from production.selectors.reason_quality import ReasonUse, reason_uses

if TYPE_CHECKING:
    from plant.models import Equipment

MONTH = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class LedTo:
    """What a month of one reason led to: maintenance requests and how many of them were repaired, decisions
    recorded on its stops, and actions opened on it.
    """

    use: ReasonUse
    requests: int
    repairs: int
    decisions: int
    actions: list[Action]

    @property
    def is_nothing(self) -> bool:
        return not (self.requests or self.decisions or self.actions)


def led_to(
    *, actor: Actor, lines: Sequence[Equipment], now: datetime, most: int | None = None
) -> list[LedTo]:
    """The reasons given on some lines in the last month, those that cost most time first."""
    start = now - MONTH
    units = [unit.pk for line in lines for unit in selectors.line_work_units(line.pk)]
    uses = reason_uses(equipment_ids=units, start=start, end=now)[:most]
    requests, repairs = _requests(actor, units, start)
    decisions = _decisions(actor, lines, start)
    places = [*units, *(line.pk for line in lines)]
    actions = _actions(actor, places, [use.reason.pk for use in uses], start)
    return [
        LedTo(
            use,
            requests[use.reason.code],
            repairs[use.reason.code],
            decisions[use.reason.code],
            actions.get(use.reason.pk, []),
        )
        for use in uses
    ]


def _requests(actor: Actor, units: Sequence[int], start: datetime) -> tuple[Counter[str], Counter[str]]:
    """Requests by reason, withdrawn ones left out, and those of them somebody repaired."""
    raised: Counter[str] = Counter()
    repaired: Counter[str] = Counter()
    for request in maintenance.requests(actor).filter(equipment_id__in=units, stop_start__gte=start):
        kinds = maintenance.events_by_kind(request)
        if "withdrawn" in kinds:
            continue
        raised[request.reason_code] += 1
        repaired[request.reason_code] += "repair_ended" in kinds or "closed" in kinds
    return raised, repaired


def _decisions(actor: Actor, lines: Sequence[Equipment], start: datetime) -> Counter[str]:
    """Decisions recorded on stops, by the reason their stop has now."""
    found: Any = selectors.configuration_rows(
        "plant.Decision", subject_type=SUBJECT, said_at__gte=start, superseded_by=None
    )
    rows = found.filter(line_id__in=[line.pk for line in lines]).values_list("subject_code", flat=True)
    counts: Counter[str] = Counter(rows)
    told = production.told(
        production.stops(actor).filter(pk__in=[UUID(code) for code in counts if _is_id(code)])
    )
    by_reason: Counter[str] = Counter()
    for item in told:
        if item.said is not None and item.said.reason is not None:
            by_reason[item.said.reason.code] += counts[str(item.stop.pk)]
    return by_reason


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _actions(
    actor: Actor, places: Iterable[int], reasons: Iterable[int], start: datetime
) -> dict[int | None, list[Action]]:
    opened = scoped(Action.objects.all(), actor).filter(
        equipment_id__in=list(places), reason__in=list(reasons), opened_at__gte=start
    )
    found: dict[int | None, list[Action]] = {}
    for action in opened.order_by("-opened_at"):
        found.setdefault(action.reason_id, []).append(action)
    return found
