"""A connection as a runner needs it: what an edge machine without the database runs on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from connectors.models import Connection


def configuration_export(*, slugs: Iterable[str] | None = None) -> list[dict[str, Any]]:
    """Enabled connections with their addresses; all unless some are named."""
    found = Connection.objects.filter(enabled=True).prefetch_related("signals")
    if slugs is not None:
        found = found.filter(slug__in=list(slugs))
    return [
        {
            "slug": connection.slug,
            "protocol": connection.protocol,
            "config": connection.config,
            "revision": connection.revision,
            "addresses": sorted(signal.address for signal in connection.signals.all()),
        }
        for connection in found.order_by("slug")
    ]
