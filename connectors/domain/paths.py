"""Where something stands in a JSON payload.

``a.b.0`` is one place: keys of objects and places in arrays, -1 the last. ``\\.`` is a dot within a key.
``*`` stands for every place at once: ``lines.*.machines``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Final

from connectors.domain.phrase import Told, late

_DOT = re.compile(r"(?<!\\)\.")
_PLACE = re.compile(r"-?\d+")
EVERY: Final = "*"
MAX_DEPTH: Final = 32
QUOTED: Final = 120


class MappingProblem(Told, ValueError):
    """A rule that cannot work, or a payload that does not fit its rule.

    What was read is quoted as far as a person reads it: a payload may be one text of a megabyte.
    """

    def __init__(self, text: str = "", /, **places: object) -> None:
        super().__init__(text, **{name: quoted(value) for name, value in places.items()})


class _Cut:
    """The beginning of what would be shown, whichever way it is shown."""

    def __init__(self, shown: str) -> None:
        self._shown = shown[:QUOTED] + "…"

    def __repr__(self) -> str:
        return self._shown

    __str__ = __repr__


def quoted(value: object) -> object:
    """What was read, as far as a person reads it."""
    if isinstance(value, str):
        return value if len(value) <= QUOTED else value[:QUOTED] + "…"
    if isinstance(value, Mapping | list | bytes):
        return value if len(shown := repr(value)) <= QUOTED else _Cut(shown)
    return value


@cache
def steps(path: str) -> tuple[str, ...]:
    return tuple(step.replace("\\.", ".") for step in _DOT.split(path)) if path else ()


def at(body: Any, path: str) -> Any:
    """Raises MappingProblem."""
    for step in steps(path):
        body = _step(body, step, path)
    return body


def each(body: Any, path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every match of a path with ``*``, and what each ``*`` stood for. Raises MappingProblem."""
    found: list[tuple[tuple[str, ...], Any]] = [((), body)]
    for step in steps(path):
        if step == EVERY:
            found = [((*names, name), inner) for names, item in found for name, inner in _all(item, path)]
        else:
            found = [(names, _step(item, step, path)) for names, item in found]
    return iter(found)


def flat(body: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Every plain value with its path, written ``a/b/0``. Raises MappingProblem."""
    if depth > MAX_DEPTH:
        raise MappingProblem(late("objects within objects more than %(deep)d deep"), deep=MAX_DEPTH)
    if isinstance(body, Mapping | list):
        for name, inner in _all(body, ""):
            for rest, value in flat(inner, depth + 1):
                yield f"{name}/{rest}" if rest else name, value
    else:
        yield "", body


def _all(body: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(body, Mapping):
        return ((str(key), inner) for key, inner in body.items())
    if isinstance(body, list):
        return ((str(place), inner) for place, inner in enumerate(body))
    raise MappingProblem(late("%(path)s: nothing at %(step)r"), path=path, step=EVERY)


def _step(body: Any, step: str, path: str) -> Any:
    if isinstance(body, Mapping) and step in body:
        return body[step]
    if isinstance(body, list) and _PLACE.fullmatch(step) and -len(body) <= int(step) < len(body):
        return body[int(step)]
    raise MappingProblem(late("%(path)s: nothing at %(step)r"), path=path, step=step)
