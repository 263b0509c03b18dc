"""Gaps and unreadable messages as JSON, for the spool and for the task that stores them."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from connectors.domain.notices import Notice
from connectors.domain.outage import GapRecord


class Unread(NamedTuple):
    """A message nobody could read, on its way to quarantine."""

    source: str
    reason: str
    raw: bytes
    arrival_time: datetime


def gap_to_json(gap: GapRecord) -> dict[str, Any]:
    return {
        "key": str(gap.key),
        "cause": gap.cause,
        "start": gap.start_time.isoformat(),
        "end": gap.end_time and gap.end_time.isoformat(),
        "scope": gap.scope,
        "detail": gap.detail,
        "recovered": gap.recovered,
    }


def gap_from_json(raw: dict[str, Any]) -> GapRecord:
    return GapRecord(
        key=uuid.UUID(raw["key"]),
        cause=raw["cause"],
        start_time=datetime.fromisoformat(raw["start"]),
        end_time=datetime.fromisoformat(raw["end"]) if raw["end"] else None,
        scope=raw["scope"],
        detail=raw["detail"],
        recovered=raw["recovered"],
    )


def unread_to_json(messages: Iterable[Any]) -> list[list[str]]:
    return [
        [m.source, m.reason, base64.b64encode(m.raw).decode(), m.arrival_time.isoformat()] for m in messages
    ]


def unread_from_json(raw: Iterable[list[str]]) -> list[Unread]:
    return [
        Unread(source, reason, base64.b64decode(data), datetime.fromisoformat(at))
        for source, reason, data, at in raw
    ]


def notices_to_json(notices: Iterable[Notice]) -> list[list[Any]]:
    return [list(notice) for notice in notices]


def notices_from_json(raw: Iterable[list[Any]]) -> list[Notice]:
    return [Notice(*fields) for fields in raw]


def extras_to_json(
    values: int, gaps: Iterable[GapRecord], notices: Iterable[Notice], unread: Iterable[Any]
) -> dict[str, Any]:
    """What a batch says besides its samples; ``values``: how many values and messages are in it."""
    told = {
        "gaps": [gap_to_json(gap) for gap in gaps],
        "notices": notices_to_json(notices),
        "unread": unread_to_json(unread),
    }
    return {"values": values} | {name: said for name, said in told.items() if said}
