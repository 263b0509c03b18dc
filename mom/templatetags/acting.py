"""What reasons led to, and the plan of reaction, on pages that know only a code or an address."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django import template
from django.template.context import Context
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mom.pages.reacting import ReactionShown, reaction_by_id
from mom.pages.why import Why, why_by_reason
from plant.access import actor_of

if TYPE_CHECKING:
    from mom.tablet.session import Station
    from plant.models import Equipment

register = template.Library()


@register.simple_tag(takes_context=True)
def why_we_ask(context: Context, reason_code: str) -> str:
    """On a reason tile: what came of this reason on the line in 30 days; nothing where nobody gave it."""
    station: Station | None = context.get("station")
    if station is None:
        return ""
    return why_words(why_by_reason(station.line).get(reason_code))


def why_words(why: Why | None) -> str:
    """31 times: 12 calls, 9 repaired, 1 action; or that nothing came of it."""
    if why is None:
        return ""
    times = ngettext("%(n)d time in 30 days", "%(n)d times in 30 days", why.times) % {"n": why.times}
    parts = []
    if why.requests:
        parts.append(ngettext("%(n)d call", "%(n)d calls", why.requests) % {"n": why.requests})
    if why.repairs:
        parts.append(ngettext("%(n)d repair", "%(n)d repairs", why.repairs) % {"n": why.repairs})
    if why.decisions:
        parts.append(ngettext("%(n)d decision", "%(n)d decisions", why.decisions) % {"n": why.decisions})
    if why.actions:
        parts.append(ngettext("%(n)d action", "%(n)d actions", why.actions) % {"n": why.actions})
    came = ", ".join(parts) if parts else _("nothing came of it yet")
    return _("%(times)s: %(came)s") % {"times": times, "came": came}


@register.simple_tag(takes_context=True)
def reaction_here(context: Context) -> ReactionShown | None:
    """The plan of the one stop in the page's address."""
    request = context.get("request")
    match = getattr(request, "resolver_match", None)
    stop_id = match.kwargs.get("stop_id") if match else None
    found = reaction_by_id(stop_id) if stop_id else None
    return found[1] if found else None


@register.simple_tag(takes_context=True)
def may_open_action(context: Context, place: Equipment) -> bool:
    """Whether whoever reads the page may open an action there."""
    request = context.get("request")
    return request is not None and actor_of(request).may("action.edit", place)
