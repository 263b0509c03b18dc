"""When a source cannot be heard: the gap that opens, and how it closes."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import datetime

NAMESPACE = uuid.UUID("6f0a9a2e-8a1c-5d0b-9b39-3f0c2d9f7e11")


@dataclass(frozen=True, kw_only=True)
class GapRecord:
    """A span in which values may be missing.

    ``scope`` is the beginning of the addresses it touches ("" = all). ``end_time`` None = still going.
    ``recovered`` says how the values came after all; "" = they did not.
    """

    key: uuid.UUID
    cause: str
    start_time: datetime
    end_time: datetime | None = None
    scope: str = ""
    detail: str = ""
    recovered: str = ""


def gap_key(*parts: object) -> uuid.UUID:
    return uuid.uuid5(NAMESPACE, "\x1f".join(map(str, parts)))


def gap_declared(
    *,
    source: str,
    cause: str,
    start: datetime,
    end: datetime,
    scope: str = "",
    detail: str = "",
    recovered: str = "",
) -> GapRecord:
    """A gap that is already over when it is noticed."""
    return GapRecord(
        key=gap_key(source, cause, start.isoformat(), scope),
        cause=cause,
        start_time=start,
        end_time=max(start, end),
        scope=scope,
        detail=detail,
        recovered=recovered,
    )


def in_scope(address: str, scope: str) -> bool:
    """Whether a gap's scope touches an address: all, the address itself, or a whole part of its path."""
    if not scope or address == scope:
        return True
    return address.startswith(scope) and (scope[-1] in ":/" or address[len(scope)] in ":/")


class Outage:
    """One span at a time; saying twice that the source is lost opens nothing new."""

    def __init__(self, source: str, scope: str = "") -> None:
        self._source = source
        self._scope = scope
        self._open: GapRecord | None = None

    @property
    def open(self) -> GapRecord | None:
        return self._open

    def lost(self, at: datetime, cause: str, detail: str = "") -> GapRecord | None:
        if self._open is not None:
            return None
        key = gap_key(self._source, cause, at.isoformat(), self._scope)
        self._open = GapRecord(key=key, cause=cause, start_time=at, scope=self._scope, detail=detail[:500])
        return self._open

    def restored(self, at: datetime, recovered: str = "") -> GapRecord | None:
        if self._open is None:
            return None
        closed = replace(self._open, end_time=max(at, self._open.start_time), recovered=recovered)
        self._open = None
        return closed
