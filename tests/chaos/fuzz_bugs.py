"""Bugs of parsers, put into the real ones: the fuzz proof must notice each by what it is."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

from connectors.domain import mapping, paths
from connectors.protocols import files, mqtt
from connectors.selectors import codec


@dataclass(frozen=True)
class Bug:
    """``noticed_by``: how the problem it makes begins."""

    name: str
    reader: str
    noticed_by: str
    owner: Any
    attribute: str
    make: Callable[[Any], Any]

    def put_in(self) -> Callable[[], None]:
        """Returns what takes it out again."""
        before = self.owner.__dict__[self.attribute]
        setattr(self.owner, self.attribute, self.make(before))
        return lambda: setattr(self.owner, self.attribute, before)


def _quadratic(_: Any) -> Any:
    return re.compile(r"[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)


def _key_error(_: Any) -> Any:
    return lambda body, step, path: body[step]


def _silent(add: Any) -> Any:
    @wraps(add)
    def adding(self: Any, row: Any, batch: Any) -> None:
        add(self, row, batch)
        batch.malformed.clear()

    return adding


class _Speechless(mapping.MappingProblem):
    def __str__(self) -> str:
        return ""


BUGS = [
    Bug("quadratic expression", "csv", "slow", files, "_NUMBER", _quadratic),
    Bug("allocates what the input says", "segment", "", codec, "MOST", lambda most: 2**32),
    Bug("KeyError", "mqtt", "crash: KeyError", paths, "_step", _key_error),
    Bug("empty reason", "mqtt", "reason", mapping, "MappingProblem", lambda _: _Speechless),
    Bug("vanishes", "rows", "vanished", files.FilesConnector, "_add", _silent),
    Bug("never quarantined", "mqtt", "vanished", mqtt.MqttConnector, "_read", lambda read: _unread(read)),
]


def _unread(read: Any) -> Any:
    @wraps(read)
    def reading(self: Any, message: Any, *rest: Any) -> None:
        read(self, message, *rest)

    return reading
