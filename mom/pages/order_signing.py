"""Signing a finished order's record on its page, and the signed figures beside the known ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from mom.pages.order_commands import order_or_404
from mom.pages.proof import asks_for, proven
from mom.pages.signed import Changed, changed, log_of
from mom.signing.causes import Causes
from mom.signing.figures import Figures, changes, comparable, digest_of, order_figures
from mom.signing.models import OrderSignature
from mom.signing.orders import FINISHED, SIGN, causes_known, order_sign
from mom.signing.selectors import order_signatures
from mom.signing.services import SigningRefused
from mom.tablet.answers import SeeOther
from plant.access import actor_of, require

if TYPE_CHECKING:
    from mom.record.model import OperationalRecord
    from production.models import JobOrder


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """A record's signatures, newest first, beside what is known; ``causes``: recorded since the newest."""

    signatures: list[OrderSignature]
    known: Figures
    causes: Causes

    @property
    def in_force(self) -> OrderSignature | None:
        return self.signatures[0] if self.signatures else None


def signed_order(order: JobOrder, record: OperationalRecord) -> SignedOrder:
    signatures = order_signatures(job_order_id=order.pk)
    known = order_figures(record)
    causes: Causes = {}
    if signatures and changes(signatures[0].figures, comparable(known, signatures[0].figures)):
        causes = causes_known(signatures[0], record, since=signatures[0].said_at)
    return SignedOrder(signatures, known, causes)


def differences(found: SignedOrder, record: OperationalRecord) -> list[Changed]:
    """Figures that are no longer as signed, with what was recorded since."""
    return changed(found.in_force, found.known, found.causes, record.zone) if found.in_force else []


def signing_context(request: HttpRequest, order: JobOrder, record: OperationalRecord) -> dict[str, Any]:
    """What the record's page shows of its signatures, and asks of who may sign."""
    found = signed_order(order, record)
    finished = order.state in FINISHED
    signed = found.in_force
    return {
        "signed": signed,
        "version": signed.version if signed else 0,
        "earlier": found.signatures[1:],
        "changed": differences(found, record),
        "log": log_of(list(signed.restatements.all()), record.zone) if signed else [],
        "digest": digest_of(found.known),
        "is_finished": finished,
        "may_sign": finished and actor_of(request).may(SIGN, order.line),
        "zone": record.zone,
        **asks_for(request),
    }


@require_POST
@require(SIGN)
def order_signature(request: HttpRequest, code: str) -> HttpResponseBase:
    """Sign the record of an order that has ended."""
    order = order_or_404(request, code)
    actor_of(request).require(SIGN, order.line)
    given = request.POST
    try:
        by, signed_with = proven(request, given)
        seen, notes = given.get("digest", ""), given.get("notes", "")
        order_sign(job_order=order, by=by, notes=notes, seen=seen, signed_with=signed_with)
        messages.success(request, _("Signed. These figures stay as they are, whatever comes later."))
    except SigningRefused as refusal:
        messages.error(request, str(refusal))
    return SeeOther(f"{reverse('order', args=[code])}#sign")
