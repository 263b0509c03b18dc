"""Machines that take job orders."""

from __future__ import annotations

from connectors.interface import ConfigurationError
from connectors.models import Connection
from connectors.registry import connector_class


def job_receivers(*, path: str) -> list[Connection]:
    """Connections with a ``job_receiver`` that serve a machine below a path.

    Protocols are loaded only where there is one: a page must not wait for libraries it does not need.
    """
    found = Connection.objects.filter(
        enabled=True, config__has_key="job_receiver", signals__equipment__path__startswith=path
    ).exclude(config__job_receiver="")
    return [one for one in found.order_by("slug").distinct() if _sends(one)]


def _sends(connection: Connection) -> bool:
    """Not where its protocol is no longer installed."""
    try:
        return hasattr(connector_class(connection.protocol), "job_command")
    except ConfigurationError:
        return False
