"""Saved views of the stops: the filters in the address under a name, opened again with one click."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404, HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from mom.pages.lookup import equipment_or_404, line_or_404
from mom.saved_views.selectors import views_seen
from mom.saved_views.services import ViewRefused, view_delete, view_save
from mom.tablet.answers import SeeOther
from plant import selectors
from plant.access import Actor, actor_of, require

if TYPE_CHECKING:
    from plant.models import Equipment

STOPS = "stops"
# What a view keeps: the filters, never the page reached, the format or one stop.
KEPT = ("line", "equipment", "period", "size", "kind", "reason", "uncoded")


@dataclass(frozen=True, slots=True)
class ViewLink:
    """A saved view as a link. ``shared_by``: whose it is, if not the reader's own."""

    pk: int
    name: str
    href: str
    is_own: bool
    is_here: bool
    is_shared: bool
    shared_by: str


def kept_query(query: str) -> str:
    """The filters of an address that a view keeps, always in one order."""
    given = dict(parse_qsl(query.removeprefix("?"))[:50])
    return urlencode({name: given[name] for name in KEPT if given.get(name)})


def stop_views(actor: Actor, query: str) -> list[ViewLink]:
    """The reader's views of the stops; ``query``: of the page they look at."""
    here = kept_query(query)
    return [
        ViewLink(
            pk=view.pk,
            name=view.name,
            href=f"{reverse('stops')}?{view.query}",
            is_own=view.owner_id == actor.person_id,
            is_here=view.query == here,
            is_shared=view.line_id is not None,
            shared_by="" if view.owner_id == actor.person_id else str(view.owner),
        )
        for view in views_seen(actor, STOPS)
    ]


@require_POST
@require("view")
def stop_view_save(request: HttpRequest) -> HttpResponseBase:
    """Keep the filters of the page; ``share``: also for everyone of its line."""
    query = kept_query(request.POST.get("query", ""))
    back = f"{reverse('stops')}?{query}"
    try:
        line = _line_of(request, query) if request.POST.get("share") else None
        view = view_save(
            page=STOPS,
            name=request.POST.get("name", ""),
            query=query,
            by=actor_of(request),
            at=timezone.now(),
            line=line,
        )
    except ViewRefused as refused:
        messages.error(request, str(refused))
        return SeeOther(back)
    messages.success(request, _("The view “%(name)s” is saved.") % {"name": view.name})
    return SeeOther(back)


def _line_of(request: HttpRequest, query: str) -> Equipment:
    """The line a view is about, by its own filters. Raises ViewRefused without one."""
    asked = dict(parse_qsl(query))
    if code := asked.get("line"):
        return line_or_404(request, code)
    machine = equipment_or_404(request, asked["equipment"]) if "equipment" in asked else None
    line = selectors.line_of(machine) if machine else None
    if line is None:
        raise ViewRefused(_("To share a view, choose the line it is about."))
    return line


@require_POST
@require("view")
def stop_view_delete(request: HttpRequest, pk: int) -> HttpResponseBase:
    """Delete one's own view; anybody else's is not there."""
    try:
        view_delete(view_id=pk, by=actor_of(request))
    except ObjectDoesNotExist:
        raise Http404(f"no view {pk}") from None
    messages.success(request, _("The view is deleted."))
    return SeeOther(f"{reverse('stops')}?{kept_query(request.POST.get('query', ''))}")
