"""Which signals speak about a machine, and what their raw states mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db.models import Q, QuerySet

from connectors.models import Connection, SignalDefinition
from plant.access import Actor, scoped


def signals_for(*, equipment_id: int, roles: Iterable[str] | None = None) -> list[SignalDefinition]:
    """Signals of one machine or line, with their connection; all roles unless some are named."""
    found = SignalDefinition.objects.filter(equipment_id=equipment_id).select_related("connection")
    if roles is not None:
        found = found.filter(role__in=list(roles))
    return list(found.order_by("role", "id"))


def state_map_of(signal: SignalDefinition) -> Mapping[str, str]:
    """The signal's own table, else its connection's."""
    table: Mapping[str, str] = signal.state_map or signal.connection.state_map
    return table


def signals_visible(actor: Actor) -> QuerySet[SignalDefinition]:
    found = SignalDefinition.objects.select_related("connection", "equipment", "department", "setpoint_for")
    return scoped(found, actor)


def connections_visible(actor: Actor) -> QuerySet[Connection]:
    """Connections of every site the actor may see something of, to look at: changing one is asked apart."""
    return Connection.objects.select_related("site").filter(on_site_seen(actor, "site__path"))


def on_site_seen(actor: Actor, path: str) -> Q:
    """Sites the actor may see, or a part of: a connection serves a whole site. ``path`` names its path."""
    seen = Q(pk__in=[])
    for prefix in actor.paths("view"):
        codes = prefix.strip("/").split("/")
        above = ["/" + "/".join(codes[:depth]) + "/" for depth in range(1, len(codes))]
        seen |= Q(**{f"{path}__startswith": prefix}) | Q(**{f"{path}__in": above})
    return seen


def connection_by_slug(slug: str) -> Connection:
    """Raises Connection.DoesNotExist."""
    return Connection.objects.select_related("site").get(slug=slug)
