"""Looking at connections, and reading unreadable messages again."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from connectors import selectors, services
from connectors.domain.phrase import late, phrase
from connectors.interface import ConfigurationError
from connectors.models import Connection
from connectors.registry import connectors
from connectors.selectors import overview
from connectors.selectors.nodes import granted_by, granted_said, silence_of
from connectors.selectors.trust import evidence_of
from connectors.views.trust import grouped, judged
from plant.access import actor_of, require


@require_GET
@require("view")
def connection_list(request: HttpRequest) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    rows = overview.connection_rows(actor=actor, now=now)
    found = evidence_of(connections=[row.connection for row in rows], now=now)
    return render(
        request,
        "connectors/connection_list.html",
        {
            "rows": [(row, judged(found[row.connection.pk], now)) for row in rows],
            "protocols": sorted(connectors()),
            "may_edit": actor.may("connection.edit"),
        },
    )


@require_GET
@require("view")
def connection_detail(request: HttpRequest, slug: str) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    connection = get_object_or_404(selectors.connections_visible(actor), slug=slug)
    gaps = selectors.gaps_visible(actor).filter(connection=connection).order_by("-start_time")[:20]
    return render(
        request,
        "connectors/connection_detail.html",
        {
            "connection": connection,
            "fresh": next((f for f in selectors.connection_freshness(now=now) if f.slug == slug), None),
            "rows": overview.signal_rows(connection=connection, actor=actor, now=now),
            "gaps": gaps,
            "unread": overview.unread_of(connection=connection, limit=5),
            "silence": silence_of(connection_id=connection.pk),
            **_granted(connection),
            "may_edit": actor.may("connection.edit", connection.site),
            **_identity(connection, actor.may("connection.edit", connection.site)),
        },
    )


def _granted(connection: Connection) -> dict[str, Any]:
    notice = granted_by(connection_id=connection.pk) if connection.protocol == "opcua" else None
    return {"granted": notice, "granted_text": granted_said(notice).said(_)} if notice else {}


def _identity(connection: Connection, may_edit: bool) -> dict[str, Any]:
    """Our certificate for this source, made now if it never was, for those who may carry it to the server."""
    try:
        return {"identity": services.identity_of(connection=connection) if may_edit else None}
    except ConfigurationError as error:
        return {"identity_problem": error.said(_)}


@require_GET
@require("view")
def unread_list(request: HttpRequest, slug: str) -> HttpResponse:
    actor = actor_of(request)
    connection = get_object_or_404(selectors.connections_visible(actor), slug=slug)
    found = overview.unread_of(connection=connection, only_open="all" not in request.GET)
    rows = [(message, selectors.quarantine_preview(message)) for message in found]
    context = {
        "connection": connection,
        "rows": rows,
        "all": "all" in request.GET,
        "may_edit": actor.may("connection.edit", connection.site),
    }
    return render(request, "connectors/unread_list.html", context)


@require_POST
@require("connection.edit")
def unread_reprocess(request: HttpRequest, pk: int) -> HttpResponse:
    actor = actor_of(request)
    message = get_object_or_404(selectors.quarantine_visible(actor), pk=pk)
    try:
        stored = services.quarantine_reprocess(message_id=pk, by=actor, now=timezone.now())
    except services.CannotReread as error:
        messages.error(request, _("Still unreadable: %(why)s") % {"why": error.said(_, grouped)})
    else:
        done = phrase(late("Read again: %(count)d values stored."), count=stored)
        messages.success(request, done.said(_, grouped))
    return redirect("connection_unread", slug=message.connection.slug)
