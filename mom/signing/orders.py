"""Signing a finished order's record, and saying openly when a signed figure is no longer what is known."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from mom.record.compose import operational_record
from mom.signing.causes import Causes, order_causes_since
from mom.signing.figures import changes, comparable, digest_of, order_figures
from mom.signing.models import OrderRestatement, OrderSignature
from mom.signing.selectors import order_signatures
from mom.signing.services import PASSWORD, WATCHED, SigningRefused, each_compared, lock, signed_name
from plant import audit
from plant.access import Actor
from plant.services import revision_bump
from production.selectors.lookups import job_order_for_code

if TYPE_CHECKING:
    from mom.record.model import OperationalRecord
    from production.models import JobOrder

SIGN = "order.sign"
# Late data mostly come within days of the order's end.
LATELY = timedelta(days=3)
A_DAY = 96  # quarters of an hour
FINISHED = frozenset({"ended", "aborted"})


@transaction.atomic
def order_sign(
    *,
    job_order: JobOrder,
    by: Actor,
    notes: str = "",
    seen: str = "",
    signed_with: str = PASSWORD,
    at: datetime | None = None,
) -> OrderSignature:
    """Freeze the figures of a finished order's record. Signing again makes a new version, and says why.

    ``seen``: digest of the figures the signer looked at; others by now are not signed unseen.
    ``signed_with``: how they proved at this moment who they are.

    Raises SigningRefused before the order has ended, PermissionDenied.
    """
    at = at or timezone.now()
    by.require(SIGN, job_order.line)
    name = signed_name(by)
    before = _signable(job_order, notes)
    record = operational_record(job_order.code, now=at)
    figures = order_figures(record)
    if seen and seen != digest_of(figures):
        raise SigningRefused(_("the figures changed while you looked at them: look again, then sign"))
    signature = OrderSignature.objects.create(
        job_order=job_order,
        version=before.version + 1 if before else 1,
        provisional=record.completeness.is_provisional,
        figures=figures,
        digest=digest_of(figures),
        notes=notes.strip(),
        signed_name=name,
        signed_with=signed_with,
        said_by_id=by.person_id,
        said_on_id=by.device_id,
        said_at=at,
        supersedes=before,
    )
    _written(signature, by=by, at=at)
    return signature


def _signable(job_order: JobOrder, notes: str) -> OrderSignature | None:
    """The signature the new one supersedes. Nobody else signs the order until the transaction ends."""
    lock(44, job_order.pk)
    if job_order_for_code(job_order.code).state not in FINISHED:
        raise SigningRefused(_("the order has not ended yet: its record is signed when it is over"))
    before = next(iter(order_signatures(job_order_id=job_order.pk)), None)
    if before is not None and not notes.strip():
        raise SigningRefused(_("this record is signed already: say in the notes why it is signed again"))
    return before


def _written(signature: OrderSignature, *, by: Actor, at: datetime) -> None:
    audit.record(
        by=by, action="order_signature.sign", subject_type="order_signature",
        subject_code=signature.job_order.code, why=signature.notes, at=at,
        after={"version": signature.version, "digest": signature.digest, "with": signature.signed_with},
    )  # fmt: skip
    revision_bump(line_id=signature.job_order.line_id)


def causes_known(signature: OrderSignature, record: OperationalRecord, *, since: datetime) -> Causes:
    """What was recorded about a signed order after an instant, in the time it was worked on."""
    head = record.head
    start = head.start or head.planned_start or signature.job_order.created_at
    return order_causes_since(signature=signature, start=start, end=head.until or since, since=since)


def order_restatements_find(*, now: datetime | None = None) -> int:
    """Compare signed orders with what is known now; append what changed. Returns how many changed.

    Those signed lately each time; older ones, of which there are many, once a day. A page compares its own.
    """
    now = now or timezone.now()
    signed = OrderSignature.objects.filter(superseded_by=None, said_at__gte=now - WATCHED)
    due = (item for item in signed.select_related("job_order__line") if is_due(item, now))
    return each_compared(due, lambda item: _restate(item, now))


def is_due(signature: OrderSignature, now: datetime) -> bool:
    """Older signatures have their own quarter of an hour of the day: spread over it, none is forgotten."""
    turn = now.hour * 4 + now.minute // 15
    return now - signature.said_at <= LATELY or signature.pk % A_DAY == turn


@transaction.atomic
def _restate(signature: OrderSignature, now: datetime) -> bool:
    lock(44, signature.job_order_id)
    record = operational_record(signature.job_order.code, now=now)
    last = signature.restatements.order_by("-id").first()
    known, since = (last.figures, last.recorded_at) if last else (signature.figures, signature.said_at)
    figures = comparable(order_figures(record), signature.figures)
    found = changes(known, figures)
    if found:
        OrderRestatement.objects.create(
            signature=signature,
            figures=figures,
            changes=found,
            causes=causes_known(signature, record, since=since),
            recorded_at=now,
        )
        revision_bump(line_id=signature.job_order.line_id)
    return bool(found)
