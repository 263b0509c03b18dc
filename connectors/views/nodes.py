"""Edge nodes and devices of a Sparkplug connection."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from connectors import selectors
from connectors.selectors.nodes import nodes_of
from plant.access import actor_of, require


@require_GET
@require("view")
def connection_nodes(request: HttpRequest, slug: str) -> HttpResponse:
    connection = get_object_or_404(selectors.connections_visible(actor_of(request)), slug=slug)
    now = timezone.now()
    fresh = next((one for one in selectors.connection_freshness(now=now) if one.slug == slug), None)
    context = {
        "connection": connection,
        "heard": nodes_of(connection_id=connection.pk, now=now),
        "fresh": fresh,
    }
    return render(request, "connectors/connection_nodes.html", context)
