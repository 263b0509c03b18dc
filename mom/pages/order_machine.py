"""Sending an order to a machine that takes job orders, and commanding it there."""

from __future__ import annotations

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from connectors.selectors.job_control import job_receivers
from connectors.services.job_control import job_send
from mom.pages.machine_orders import SEND, SENDING, job_of
from mom.pages.order_commands import order_or_404
from plant.access import actor_of, require


@require_POST
@require(SEND)
def order_machine(request: HttpRequest, code: str) -> HttpResponse:
    """The machine's answer is said, and on record with who sent it."""
    order, actor = order_or_404(request, code), actor_of(request)
    actor.require(SEND, order.line)
    verb, why = request.POST.get("verb", ""), request.POST.get("why", "").strip()[:300]
    receivers = {one.slug: one for one in job_receivers(path=order.line.path)}
    connection = receivers.get(request.POST.get("connection", ""))
    if connection is None or verb not in SENDING:
        raise Http404(f"no machine takes {verb} of {code}")
    problems = job_send(connection=connection, verb=verb, job=job_of(order), by=actor, why=why)
    said = {"code": code, "machine": connection.name or connection.slug, "what": SENDING[verb]}
    if problems:
        said["why"] = "; ".join(problem.said(_) for problem in problems)
        messages.error(request, _("%(machine)s: %(what)s: %(why)s") % said)
    else:
        messages.success(request, _("%(machine)s took %(code)s: %(what)s") % said)
    return redirect("order_change", code)
