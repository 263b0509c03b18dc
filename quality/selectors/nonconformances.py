"""What does not conform, what was decided, and which lots that blocks."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.utils.translation import gettext as _

from plant.access import Actor, scoped
from plant.hooks import Veto
from quality.domain.dispositions import blocks
from quality.models import Disposition, Nonconformance
from quality.selectors.belonging import belongs_to
from traceability import selectors as traceability

if TYPE_CHECKING:
    from production.models import JobOrder


def _all() -> QuerySet[Any]:
    """Each with ``decision``: the last one taken about it, None while there is none."""
    last = Disposition.objects.filter(nonconformance=OuterRef("pk"), superseded_by=None)
    return Nonconformance.objects.annotate(
        decision=Subquery(last.order_by("-pk").values("decision")[:1])
    ).select_related("equipment", "job_order", "result__specification", "said_by")


def nonconformances(actor: Actor) -> QuerySet[Any]:
    return scoped(_all(), actor)


def nonconformance_by_code(code: str) -> Any:
    """The Nonconformance, with its ``decision``. Raises Nonconformance.DoesNotExist."""
    return _all().get(code=code)


def nonconformances_for_order(order: JobOrder) -> QuerySet[Any]:
    return _all().filter(belongs_to(order, "opened_at"))


def nonconformances_open(*, equipment_path: str) -> QuerySet[Any]:
    """Without a final decision (none yet, or on hold) at a place and below it."""
    here = _all().filter(equipment__path__startswith=equipment_path)
    return here.filter(decision=None) | here.filter(decision=Disposition.Decided.HOLD)


def nonconformances_open_at(*, equipment_path: str, at: datetime) -> QuerySet[Any]:
    """Found by an instant and by then without a final decision, at a place and below it."""
    by_then = Disposition.objects.filter(nonconformance=OuterRef("pk"), said_at__lte=at).order_by("-pk")
    found = _all().annotate(decided_then=Subquery(by_then.values("decision")[:1]))
    here = found.filter(equipment__path__startswith=equipment_path, opened_at__lte=at)
    return here.filter(decided_then=None) | here.filter(decided_then=Disposition.Decided.HOLD)


def dispositions_of(nonconformance_id: int) -> QuerySet[Disposition]:
    """Every decision about one, oldest first; the last is in force."""
    return Disposition.objects.filter(nonconformance_id=nonconformance_id).select_related("said_by")


def disposition_in_force(nonconformance_id: int) -> Disposition | None:
    return dispositions_of(nonconformance_id).filter(superseded_by=None).order_by("-pk").first()


def lot_blocked(lot_id: int, job_order_id: int | None, at: datetime) -> Veto | None:
    """This floor's check in ``may_use_lot``: nothing undecided, held, scrapped or sent back is used."""
    code = traceability.lot_codes([lot_id]).get(lot_id)
    if not code:
        return None
    for each in _all().filter(lot_code=code):
        if blocks(each.decision):
            return Veto("lot_blocked", _blocked_message(code, each.code, each.decision))
    return None


def _blocked_message(lot: str, number: str, decision: str | None) -> str:
    words = {"lot": lot, "number": number, "decision": decision or ""}
    if decision is None:
        return _("lot %(lot)s is blocked until %(number)s is decided") % words
    return _("lot %(lot)s is blocked by %(number)s: %(decision)s") % words
