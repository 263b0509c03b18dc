"""Which version of an instruction is in force when, and what is new in it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple, Protocol, TypeVar


class Version(Protocol):
    """One version of an instruction, as far as its place in time goes."""

    @property
    def code(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def effective_from(self) -> datetime: ...
    @property
    def recorded_at(self) -> datetime: ...
    @property
    def withdrawn(self) -> bool: ...


V = TypeVar("V", bound=Version)


def in_force(versions: Iterable[V], at: datetime) -> dict[str, V]:
    """By code, the highest version that was known and effective at an instant; what is withdrawn is left out.

    A version stored later than it claims to hold from was in force only once it was stored: whoever worked
    before could not have read it.
    """
    found: dict[str, V] = {}
    for each in versions:
        if max(each.effective_from, each.recorded_at) > at:
            continue
        if each.code not in found or each.version > found[each.code].version:
            found[each.code] = each
    return {code: each for code, each in sorted(found.items()) if not each.withdrawn}


class Line(NamedTuple):
    """A line that is only in the new text (+) or only in the old one (-)."""

    sign: str
    text: str


def text_changes(before: str, after: str) -> list[Line]:
    """What differs between two texts, line by line, blank lines aside."""
    old = [line.strip() for line in before.splitlines() if line.strip()]
    new = [line.strip() for line in after.splitlines() if line.strip()]
    found = difflib.ndiff(old, new)
    return [Line(line[0], line[2:]) for line in found if line[0] in "+-"]


def steps(text: str) -> list[str]:
    """The screens of an instruction: a line that begins with # begins a new one."""
    found: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.startswith("#") and any(part.strip() for part in found[-1]):
            found.append([])
        found[-1].append(line)
    return ["\n".join(lines).strip() for lines in found if any(part.strip() for part in lines)]
