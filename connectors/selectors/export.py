"""A connection as a runner needs it: what an edge machine without the database runs on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from connectors.models import Connection, SignalDefinition


def configuration_export(*, slugs: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """Enabled connections with their addresses; all unless some are named."""
    found = Connection.objects.filter(enabled=True).order_by("slug")
    if slugs is not None:
        found = found.filter(slug__in=list(slugs))
    connections, addresses = list(found), defaultdict[int, list[str]](list)
    # Runners ask every few seconds: no object for each of thousands of signals
    signals = SignalDefinition.objects.filter(connection__in=connections)
    for connection_id, address in signals.values_list("connection_id", "address"):
        addresses[connection_id].append(address)
    return [
        {
            "slug": connection.slug,
            "protocol": connection.protocol,
            "config": connection.config,
            "revision": connection.revision,
            "addresses": sorted(addresses[connection.pk]),
        }
        for connection in connections
    ]
