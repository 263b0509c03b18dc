"""Lots, what happened to them, what is left, and whether they may be used."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from plant.access import Actor
from plant.hooks import Veto, may_use_lot
from traceability.domain import balance
from traceability.models import LotMovement, MaterialLot


class LotAmbiguous(ValueError):
    """A supplier's lot number that several lots carry; ``candidates`` are their codes."""

    def __init__(self, read: str, candidates: list[str]) -> None:
        super().__init__(f"lot: read {read!r}, which is a supplier's number of {', '.join(candidates)}")
        self.candidates = candidates


def lots(actor: Actor, action: str = "view") -> QuerySet[MaterialLot]:
    """Lots of the places the actor may act on, and of what these belong to: a site's lots serve its lines."""
    allowed = Q(pk__in=[])
    for path in actor.paths(action):
        codes = path.strip("/").split("/")
        above = ["/" + "/".join(codes[:depth]) + "/" for depth in range(1, len(codes))]
        allowed |= Q(place__path__startswith=path) | Q(place__path__in=above)
    return MaterialLot.objects.select_related("material", "place", "produced_by").filter(allowed)


def lot_by_code(code: str, *, among: QuerySet[MaterialLot] | None = None) -> MaterialLot:
    """The lot with this code, else the one with this supplier's number.

    Raises MaterialLot.DoesNotExist, or LotAmbiguous when several lots carry the supplier's number.
    """
    found = MaterialLot.objects.all() if among is None else among
    found = found.select_related("material", "place", "produced_by")
    if lot := found.filter(code=code).first():
        return lot
    candidates = list(found.filter(supplier_lot=code)[:20]) if code else []
    if len(candidates) > 1:
        raise LotAmbiguous(code, [lot.code for lot in candidates])
    if not candidates:
        raise MaterialLot.DoesNotExist(f"lot: read {code!r}, expected the code of a lot known here")
    return candidates[0]


def lot_codes(lot_ids: Iterable[int]) -> dict[int, str]:
    return dict(MaterialLot.objects.filter(pk__in=list(lot_ids)).values_list("pk", "code"))


def lot_balance(lot: MaterialLot) -> balance.LotBalance:
    return balance.lot_balance(lot.movements.values_list("kind", "quantity"))


def lot_vetoes(lot: MaterialLot, *, at: datetime, job_order_id: int | None = None) -> list[Veto]:
    """Why the lot may not be used at an instant; empty when it may."""
    return may_use_lot.vetoes(lot.pk, job_order_id, at)


def lot_status(lot: MaterialLot, *, now: datetime) -> str:
    """``used_up``, the code of the first veto (``lot_expired``, ``lot_blocked`` …), or ``available``."""
    if lot_balance(lot).on_hand == 0:
        return "used_up"
    vetoes = lot_vetoes(lot, at=now)
    return vetoes[0].code if vetoes else "available"


def lot_expired(lot_id: int, job_order_id: int | None, at: datetime) -> Veto | None:
    """The check of this floor in ``may_use_lot``."""
    lot = MaterialLot.objects.filter(pk=lot_id, expires_at__lte=at).only("code", "expires_at").first()
    if lot is None or lot.expires_at is None:
        return None
    words = {"lot": lot.code, "at": f"{lot.expires_at:%Y-%m-%d %H:%M} UTC"}
    return Veto("lot_expired", _("lot %(lot)s expired on %(at)s") % words)


def lots_on_hand(*, material_ids: list[int], actor: Actor) -> list[tuple[MaterialLot, Decimal]]:
    """Lots of these materials with something left, first to expire first: what a tablet offers to scan."""
    rows = lots(actor).filter(material_id__in=material_ids).prefetch_related("movements")
    rows = rows.order_by(F("expires_at").asc(nulls_last=True), "code")
    left = ((lot, balance.lot_balance((m.kind, m.quantity) for m in lot.movements.all())) for lot in rows)
    return [(lot, sums.on_hand) for lot, sums in left if sums.on_hand > 0]


def movements(actor: Actor) -> QuerySet[LotMovement]:
    """Movements of the lots the actor may see, newest last."""
    seen = lots(actor).values("pk")
    return LotMovement.objects.filter(lot__in=seen).select_related(*RELATED)


RELATED = ("lot__material", "equipment", "job_order", "person")


def movements_for_order(*, job_order_id: int) -> QuerySet[LotMovement]:
    """Everything an order used, made, scrapped and gave back, in the order it happened."""
    return LotMovement.objects.filter(job_order_id=job_order_id).select_related(*RELATED)


def movement_by_key(key: str) -> LotMovement | None:
    return LotMovement.objects.filter(key=key).select_related("lot").first()
