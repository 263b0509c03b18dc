"""Opening nonconformances, and deciding what is done with the product."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.core.exceptions import ObjectDoesNotExist
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from plant import audit
from plant import selectors as plant
from plant.access import Actor
from plant.services import decision_record, revision_bump
from production.selectors.lookups import job_order_for_id
from quality import selectors
from quality.models import Disposition, Nonconformance
from quality.services.refusals import CheckRefused

if TYPE_CHECKING:
    from plant.models import Equipment

AHEAD = timedelta(minutes=5)


@transaction.atomic
def nonconformance_open(
    *,
    equipment: Equipment,
    description: str,
    by: Actor,
    job_order_id: int | None = None,
    lot_code: str = "",
    result_id: int | None = None,
    opened_at: datetime | None = None,
) -> Nonconformance:
    """Say that something does not conform. A lot it names is blocked until that is decided."""
    by.require("quality.record", equipment)
    opened_at = opened_at or timezone.now()
    if not description.strip():
        raise CheckRefused("description: read nothing, expected what is wrong")
    if opened_at.tzinfo is None or opened_at > timezone.now() + AHEAD:
        raise CheckRefused(f"opened_at: read {opened_at.isoformat()}, expected a past time with its zone")
    if job_order_id is not None:
        order = job_order_for_id(job_order_id)
        if not equipment.path.startswith(order.line.path):
            raise CheckRefused(f"job_order: read {order.code}, expected an order of {equipment.code}")
    number = _number()
    nonconformance = Nonconformance.objects.create(
        id=number,
        code=f"NC-{number:06d}",
        equipment=equipment,
        job_order_id=job_order_id,
        lot_code=lot_code.strip(),
        result_id=result_id,
        description=description.strip(),
        opened_at=opened_at,
        **_said(by),
    )
    _trail(nonconformance, "nonconformance.open", by, {"lot": lot_code, "description": description})
    return nonconformance


def _number() -> int:
    """The row's own key, taken beforehand so that its code can carry it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval(pg_get_serial_sequence('quality_nonconformance', 'id'))")
        return int(cursor.fetchone()[0])


@transaction.atomic
def disposition_set(
    *,
    nonconformance_code: str,
    decision: str,
    why: str,
    by: Actor,
    quantity: Decimal | None = None,
) -> Disposition:
    """Decide on the product: use_as_is, rework, scrap, return or hold. A later decision supersedes."""
    nonconformance = _nonconformance(nonconformance_code)
    by.require("quality.dispose", nonconformance.equipment)
    if decision not in Disposition.Decided.values:
        expected = ", ".join(Disposition.Decided.values)
        raise CheckRefused(f"decision: read {decision!r}, expected one of {expected}")
    if not why.strip():
        raise CheckRefused("why: read nothing, expected the reason of the decision")
    if quantity is not None and not (quantity.is_finite() and 0 < quantity < Decimal(10) ** 13):
        raise CheckRefused(f"quantity: read {quantity}, expected a number above 0, or none for all of it")
    disposition = _append(nonconformance, decision, why.strip(), quantity, by)
    line = plant.line_of(nonconformance.equipment) or nonconformance.equipment
    order = nonconformance.job_order
    decision_record(
        kind="disposition",
        line_id=line.pk,
        subject_type="nonconformance",
        subject_code=nonconformance.code,
        job_order_code=order.code if order else "",
        summary=f"{nonconformance.code}: {decision}",
        why=why,
        by=by,
        detail={
            "decision": decision,
            "quantity": None if quantity is None else str(quantity),
            "lot": nonconformance.lot_code,
        },
    )
    return disposition


def _nonconformance(code: str) -> Nonconformance:
    try:
        return selectors.nonconformance_by_code(code)
    except ObjectDoesNotExist:
        raise CheckRefused(f"nonconformance: read {code!r}, expected a number known here") from None


def _append(
    nonconformance: Nonconformance, decision: str, why: str, quantity: Decimal | None, by: Actor
) -> Disposition:
    """Two people deciding at once supersede the same row; the database lets only the first do so."""
    try:
        with transaction.atomic():
            return Disposition.objects.create(
                nonconformance=nonconformance,
                decision=decision,
                why=why,
                quantity=quantity,
                supersedes=selectors.disposition_in_force(nonconformance.pk),
                **_said(by),
            )
    except IntegrityError:
        raise CheckRefused(f"{nonconformance.code} was decided meanwhile: read it again") from None


def _said(by: Actor) -> dict[str, Any]:
    label = "" if by.person_id else by.label[:80]
    return {"said_by_id": by.person_id, "said_by_rule": label, "said_on_id": by.device_id}


def _trail(nonconformance: Nonconformance, action: str, by: Actor, after: dict[str, Any]) -> None:
    audit.record(
        by=by,
        action=action,
        subject_type="nonconformance",
        subject_code=nonconformance.code,
        after=after,
    )
    line = plant.line_of(nonconformance.equipment)
    if line is not None:
        revision_bump(line_id=line.pk)
