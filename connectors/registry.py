"""Which protocols there are: the built-in ones and those installed under the entry point group
``mom.connectors``.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points

from connectors import protocols
from connectors.domain.phrase import late
from connectors.interface import ConfigurationError, Connector

ENTRY_POINT_GROUP = "mom.connectors"


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
    return collect([*built_in(), *installed])


def protocol_name(slug: str) -> str:
    """What people call a protocol."""
    return str(getattr(connectors().get(slug), "name", slug))


def connector_class(slug: str) -> type[Connector]:
    try:
        return connectors()[slug]
    except KeyError:
        known = ", ".join(sorted(connectors()))
        text = late("no connector for protocol %(slug)r; expected one of %(known)s")
        raise ConfigurationError(text, slug=slug, known=known) from None


def built_in() -> list[type[Connector]]:
    """The class of every module or package of protocols that has a slug: a new file is all it takes."""
    found = []
    for module in pkgutil.iter_modules(protocols.__path__):
        path = f"{protocols.__name__}.{module.name}"
        offered = vars(import_module(path)).values()
        mine = (item for item in offered if isinstance(item, type) and item.__module__.startswith(path))
        found += [item for item in mine if isinstance(getattr(item, "slug", None), str)]
    return found


def _name(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"
