"""What may be sent of an order to the machines of its line, and what was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late

from connectors.domain.job_control import Job
from connectors.selectors.job_control import job_receivers
from plant.selectors.trail import audit_of

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from plant.access import Actor
    from plant.models import AuditEntry
    from production.models import JobOrder

SEND = "order.plan"
# In the order a person needs them; the first is the usual one
SENDING = {
    "store_and_start": late("Send, released"),
    "store": late("Send, held back"),
    "update": late("Send the change"),
    "start": late("Release there"),
    "revoke_start": late("Hold back there"),
    "pause": late("Pause there"),
    "resume": late("Resume there"),
    "stop": late("End there"),
    "abort": late("Abort there"),
    "cancel": late("Take back"),
    "clear": late("Forget there"),
}
SHOWN = 5


def job_of(order: JobOrder) -> Job:
    return Job(
        code=order.code,
        name=order.product.name,
        product=order.product.code,
        product_name=order.product.name,
        quantity=order.quantity,
        unit=order.unit,
        start=order.planned_start,
        end=order.planned_end or order.due_time,
        priority=order.priority,
    )


def machine_context(order: JobOrder, actor: Actor) -> dict[str, Any]:
    """Nothing for those who may not, or where no machine of the line takes orders."""
    receivers = job_receivers(path=order.line.path) if actor.may(SEND, order.line) else []
    if not receivers:
        return {"receivers": []}
    names = {one.slug: one.name or one.slug for one in receivers}
    return {
        "receivers": list(names.items()),
        "sending": list(SENDING.items()),
        "sent": [_sent(entry, names) for entry in jobs_sent(order)],
    }


def jobs_sent(order: JobOrder) -> QuerySet[AuditEntry]:
    """The last ones, newest first."""
    entries = audit_of(subject_type="job_order", subject_code=order.code)
    return entries.filter(action__startswith="job.").order_by("-at", "-pk")[:SHOWN]


def _sent(entry: AuditEntry, names: dict[str, str]) -> dict[str, Any]:
    """The machine's refusals are kept in English, and said in the reader's language."""
    after = entry.after or {}
    verb, slug = entry.action.removeprefix("job."), after.get("connection", "")
    return {
        "at": entry.at,
        "what": SENDING.get(verb, verb),
        "machine": names.get(slug, slug),
        "who": entry.person.name if entry.person else entry.actor,
        "outcome": _("no answer") if after.get("status") is None else _("refused"),
        "problems": [_(text) for text in after.get("problems", ())],
    }
