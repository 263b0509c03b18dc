"""What reads foreign bytes, as the fuzz proof calls it: how an input is made and read, what it said."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from connectors.domain.columns import Columns, encode, micros
from connectors.domain.notices import Notice
from connectors.domain.outage import GapRecord
from connectors.domain.wire import Unread, unread_to_json
from connectors.interface import Malformed

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ARRIVAL = micros(NOW)


@dataclass
class Reading:
    """``taken``: what was read; ``refused``: where and why not; the others are what a runner would spool."""

    taken: int = 0
    refused: list[tuple[str, str]] = field(default_factory=list)
    samples: Columns = field(default_factory=Columns)
    unread: list[Unread] = field(default_factory=list)
    gaps: list[GapRecord] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


@dataclass(frozen=True)
class Reader:
    """``begin`` prepares what the input comes upon (a session, a file on disk) and returns what is measured.

    ``says_nothing``: whether an input that gives neither values nor a refusal may. ``share``: of the inputs.
    ``keep``: what is done with what was read, in the database; none: its samples are stored.
    """

    name: str
    make: Callable[[random.Random], Any]
    begin: Callable[[Any], Callable[[], Reading]]
    says_nothing: Callable[[Any], bool]
    share: float = 1.0
    keep: Callable[[Any], list[str]] | None = None


def of_batch(samples: Columns, malformed: list[Malformed]) -> Reading:
    """Put into bytes too, as the runner does for its spool: little must not become much there either."""
    encode(samples)
    orjson.dumps(unread_to_json(malformed))
    refused = [(one.source or "the empty topic", one.reason) for one in malformed]
    unread = [Unread(one.source, one.reason, one.raw, one.arrival_time) for one in malformed]
    return Reading(len(samples), refused, samples=samples, unread=unread)
