"""Commanding and changing one order, and the sequence of a line: who and why are part of each."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late
from django.views.decorators.http import require_POST, require_safe

from mom.pages import words
from mom.pages.lookup import line_or_404, safe_next
from mom.pages.machine_orders import machine_context
from mom.pages.orders_file import number_text
from plant.access import Actor, actor_of, require
from production import selectors as production
from production import services
from production.domain.job_order import IllegalTransition, verbs_allowed
from production.selectors.lookups import job_order_for_code

if TYPE_CHECKING:
    from production.models import JobOrder

COMMANDS: dict[str, Callable[..., Any]] = {
    "start": services.job_order_start,
    "resume": services.job_order_resume,
    "pause": services.job_order_pause,
    "stop": services.job_order_stop,
    "abort": services.job_order_abort,
}
VERB_WORDS = {
    "start": late("Start"),
    "resume": late("Resume"),
    "pause": late("Pause"),
    "stop": late("End"),
    "abort": late("Abort"),
    "allow": late("Release"),
    "revoke": late("Hold back"),
}
RELEASE = ("allow", "revoke")
WAITING = ("allowed_to_start", "not_allowed_to_start")
EXECUTE, PLAN = "order.execute", "order.plan"


def order_or_404(request: HttpRequest, code: str) -> JobOrder:
    try:
        order = job_order_for_code(code)
    except ObjectDoesNotExist:
        raise Http404(f"no order {code}") from None
    if not actor_of(request).may("view", order.line):
        raise Http404(f"no order {code}")
    return order


def verbs_for(state: str, actor: Actor, line: Any) -> list[tuple[str, str]]:
    """What the order's state and the actor's roles both allow, the usual next step first."""
    may = {verb: actor.may(EXECUTE if verb in COMMANDS else PLAN, line) for verb in VERB_WORDS}
    allowed = verbs_allowed(state)
    return [(verb, str(word)) for verb, word in VERB_WORDS.items() if verb in allowed and may[verb]]


@require_POST
@require(EXECUTE)
def order_command(request: HttpRequest, code: str) -> HttpResponse:
    """Start, pause, resume, end or abort; a refusal is shown in the words it was made."""
    order = order_or_404(request, code)
    verb, why = request.POST.get("verb", ""), request.POST.get("why", "").strip()
    if verb not in COMMANDS:
        raise Http404(f"no command {verb}")
    if verb == "abort" and not why:
        messages.error(request, _("%(verb)s needs a reason.") % {"verb": VERB_WORDS[verb]})
        return redirect("order_change", code)
    try:
        COMMANDS[verb](job_order_id=order.pk, at=timezone.now(), by=actor_of(request), why=why)
        messages.success(request, words.labelled(code, VERB_WORDS[verb]))
    except services.Vetoed as refusal:
        messages.error(request, str(refusal))
    except IllegalTransition as refusal:
        said = {"code": code, "state": words.order_state_word(refusal.state), "verb": VERB_WORDS[verb]}
        messages.error(request, _("%(verb)s: not possible while %(code)s is “%(state)s”.") % said)
    return redirect(safe_next(request, f"/orders/{code}/change/"))


@require_safe
@require("view")
def order_change(request: HttpRequest, code: str) -> HttpResponse:
    """What may be commanded or changed on one order, by this reader."""
    order = order_or_404(request, code)
    actor = actor_of(request)
    context = _change_context(order, actor) | machine_context(order, actor)
    return render(request, "mom/orders_change.html", context)


@require_POST
@require(PLAN)
def order_update(request: HttpRequest, code: str) -> HttpResponse:
    """A new plan version, released or held back: with who and why."""
    order = order_or_404(request, code)
    try:
        services.job_order_update(
            job_order_id=order.pk,
            changes=_changes(request),
            by=actor_of(request),
            why=_why(request),
            seen_version=_version(request),
        )
        messages.success(request, _("%(code)s is stored as changed.") % {"code": code})
    except services.StaleView:
        messages.error(request, _("%(code)s changed meanwhile; look again.") % {"code": code})
    except (services.PlanRefused, BadForm) as refusal:
        messages.error(request, str(refusal))
    return redirect("order_change", code)


def _changes(request: HttpRequest) -> dict[str, Any]:
    if (verb := request.POST.get("verb", "")) in RELEASE:
        return {"released": verb == "allow"}
    return {
        "quantity": _quantity(request.POST.get("quantity", "")),
        "options": _options(request.POST.get("options", "")),
    }


def _why(request: HttpRequest) -> str:
    why = request.POST.get("why", "").strip()
    if not why:
        raise BadForm(_("A change needs a reason."))
    return why


def _version(request: HttpRequest) -> int | None:
    text = request.POST.get("version", "")
    return int(text) if text.isdecimal() else None


class BadForm(ValueError):
    """The form holds something that cannot be; the message says what was read."""

    is_bad_input = True


def _quantity(text: str) -> Decimal:
    try:
        return Decimal(number_text(text))
    except InvalidOperation:
        raise BadForm(_("Quantity: read “%(text)s”, expected a number.") % {"text": text}) from None


def _options(text: str) -> dict[str, str]:
    options = {}
    for line in filter(None, (line.strip() for line in text.splitlines())):
        name, mark, value = line.partition("=")
        if not mark or not name.strip():
            raise BadForm(_("Options: read “%(line)s”, expected name = value.") % {"line": line})
        options[name.strip()] = value.strip()
    return options


def _change_context(order: JobOrder, actor: Actor) -> dict[str, Any]:
    verbs = verbs_for(order.state, actor, order.line)
    return {
        "order": {
            "code": order.code,
            "product": order.product.name,
            "line_code": order.line.code,
            "kind": words.order_kind(order.state),
            "state_word": words.order_state_word(order.state),
            "quantity": order.quantity,
            "unit_word": words.piece_word(order.unit),
            "version": order.version,
        },
        "verbs": [(verb, word) for verb, word in verbs if verb in COMMANDS],
        "releases": [(verb, word) for verb, word in verbs if verb in RELEASE],
        "may_plan": actor.may(PLAN, order.line) and order.state not in ("ended", "aborted"),
        "options_text": "\n".join(f"{name} = {value}" for name, value in order.options.items()),
    }


@require_POST
@require(PLAN)
def orders_sequence(request: HttpRequest) -> HttpResponse:
    """Move one order of a line up or down; a decision, so it asks why."""
    line = line_or_404(request, request.POST.get("line", ""))
    code, _mark, way = request.POST.get("move", "").partition(":")
    back = redirect(f"/orders/?line={line.code}")
    orders = [order for order in production.dispatch_list(line_id=line.pk) if order.state in WAITING]
    at = next((number for number, order in enumerate(orders) if order.code == code), None)
    to = None if at is None else at + (-1 if way == "up" else 1)
    if at is None or to is None or not 0 <= to < len(orders):
        messages.error(request, _("%(code)s cannot be moved further.") % {"code": code})
        return back
    orders[at], orders[to] = orders[to], orders[at]
    try:
        services.sequence_change(
            line_id=line.pk,
            job_order_ids=[order.pk for order in orders],
            by=actor_of(request),
            why=request.POST.get("why", ""),
        )
        messages.success(request, _("The sequence is changed; your reason is kept with it."))
    except ValueError as refusal:
        messages.error(request, str(refusal))
    return back
