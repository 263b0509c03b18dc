"""What may be sent of an order to the machines of its line, and what was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as late

from connectors.domain.job_control import Job
from connectors.selectors.job_control import job_receivers
from plant.selectors.trail import audit_of

if TYPE_CHECKING:
    from plant.access import Actor
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
    entries = audit_of(subject_type="job_order", subject_code=order.code)
    sent = entries.filter(action__startswith="job.").order_by("-at", "-pk")[:SHOWN]
    return {
        "receivers": [(one.slug, one.name or one.slug) for one in receivers],
        "sending": list(SENDING.items()),
        "sent": [
            {
                "at": entry.at,
                "what": SENDING.get(entry.action.removeprefix("job."), entry.action),
                "connection": (entry.after or {}).get("connection", ""),
                "who": entry.person.name if entry.person else entry.actor,
                "problems": (entry.after or {}).get("problems", []),
            }
            for entry in sent
        ],
    }
