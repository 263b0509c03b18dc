"""What still rests on values old enough to be dropped: signed orders, and questions nobody has answered."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db.models import Q, QuerySet

from maintenance import selectors as maintenance
from mom.signing.models import OrderSignature
from plant import selectors as plant
from plant.hooks import Veto, may_retire
from quality import selectors as quality

if TYPE_CHECKING:
    from production.models import JobOrder

# The seven questions and the failure's context look as far around what they are about.
AROUND = timedelta(hours=1)


def connect() -> None:
    may_retire.register("mom.evidence", still_needed)


def still_needed(equipment_id: int, start: datetime, end: datetime) -> Veto | None:
    """The orders, reports and requests whose evidence [start, end) of the machine is, by their codes."""
    place = plant.equipment_for_ids([equipment_id])[equipment_id]
    path = (plant.line_of(place) or place).path
    orders = _orders(path).filter(started_at__lt=end).filter(Q(ended_at=None) | Q(ended_at__gt=start))
    signed = set(
        OrderSignature.objects.filter(job_order__in=orders).values_list("job_order__code", flat=True)
    )
    going_on = set(orders.filter(ended_at=None).values_list("code", flat=True))
    around = Q(job_order__in=orders.values("pk"))
    found = Q(opened_at__gte=start - AROUND, opened_at__lt=end + AROUND) | around
    stopped = Q(stop_start__gte=start - AROUND, stop_start__lt=end + AROUND) | around
    said = [
        *_said("signed", signed),
        *_said("not ended", going_on),
        *_said(
            "undecided", _codes(quality.nonconformances_open(equipment_path="/").filter(_near(path), found))
        ),
        *_said(
            "not closed", _codes(maintenance.requests_open(equipment_path="/").filter(_near(path), stopped))
        ),
    ]
    return Veto("still_needed", "; ".join(said)) if said else None


def _orders(path: str) -> QuerySet[JobOrder]:
    orders: QuerySet[JobOrder] = apps.get_model("production", "JobOrder").objects.filter(
        line__path__startswith=path
    )
    return orders


def _near(path: str) -> Q:
    """Said of a place, of what is in it, or of an area or site it stands in."""
    codes = path.strip("/").split("/")
    around = ["/" + "/".join(codes[:count]) + "/" for count in range(1, len(codes))]
    return Q(equipment__path__startswith=path) | Q(equipment__path__in=around)


def _codes(rows: QuerySet[Any]) -> set[str]:
    return set(rows.values_list("code", flat=True))


def _said(word: str, codes: Iterable[str]) -> list[str]:
    return [f"{word}: {', '.join(sorted(codes)[:5])}"] if codes else []
