"""Which protocols there are: the built-in ones and those installed under the entry point group
``mom.connectors``.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from connectors.domain.phrase import late
from connectors.interface import ConfigurationError, Connector

ENTRY_POINT_GROUP = "mom.connectors"
BUILT_IN = (
    "connectors.protocols.opcua:OpcUaConnector",
    "connectors.protocols.mqtt:MqttConnector",
    "connectors.protocols.sparkplug:SparkplugConnector",
)


class DuplicateConnector(RuntimeError):
    """Two connectors claim one slug: which would run would depend on the order of installation."""


def collect(classes: Iterable[type[Connector]]) -> dict[str, type[Connector]]:
    found: dict[str, type[Connector]] = {}
    for cls in classes:
        if cls.slug in found:
            other = found[cls.slug]
            raise DuplicateConnector(f"{cls.slug!r} is claimed by {_name(other)} and {_name(cls)}")
        found[cls.slug] = cls
    return found


@cache
def connectors() -> dict[str, type[Connector]]:
    installed = [point.load() for point in entry_points(group=ENTRY_POINT_GROUP)]
    return collect([*map(_load, BUILT_IN), *installed])


def connector_class(slug: str) -> type[Connector]:
    try:
        return connectors()[slug]
    except KeyError:
        known = ", ".join(sorted(connectors()))
        text = late("no connector for protocol %(slug)r; expected one of %(known)s")
        raise ConfigurationError(text, slug=slug, known=known) from None


def _load(path: str) -> type[Connector]:
    module, _, name = path.partition(":")
    loaded: type[Connector] = getattr(import_module(module), name)
    return loaded


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
