"""Connections and signals for tests: plain functions, every code optional."""

from __future__ import annotations

import itertools
from typing import Any

from connectors.models import Connection, SignalDefinition
from plant.models import Equipment

_numbers = itertools.count(1)


def connection_make(site: Equipment, *, slug: str = "", protocol: str = "mqtt", **fields: Any) -> Connection:
    slug = slug or f"connection-{next(_numbers)}"
    made = Connection.objects.create(slug=slug, protocol=protocol, site=site, **fields)
    made.refresh_from_db()
    return made


def signal_make(
    equipment: Equipment,
    address: str = "",
    *,
    role: str = "process_value",
    connection: Connection | None = None,
    **fields: Any,
) -> SignalDefinition:
    """A signal of the machine, on a connection of its own unless one is given."""
    site = Equipment.objects.get(code=equipment.path.strip("/").split("/")[0])
    made: SignalDefinition = SignalDefinition.objects.create(
        connection=connection or connection_make(site),
        equipment=equipment,
        role=role,
        address=address or f"{equipment.code}/{role}",
        **fields,
    )
    return made
