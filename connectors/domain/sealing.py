"""Seals of packed history: a hash of a segment and of the seal before it, so that neither a changed byte
nor a segment that is gone stays unnoticed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from datetime import date, datetime

from connectors.domain.columns import micros

# What comes before the first segment of a signal
NOTHING = b""


def seal_of(
    *,
    before: bytes,
    signal_id: int,
    day: date,
    times: tuple[datetime, datetime, datetime],
    count: int,
    codec: int,
    data: bytes,
) -> bytes:
    """SHA-256 of a segment and of the seal ``before`` it of the same signal; ``times``: of its first and last
    sample and its last arrival.
    """
    said = "|".join(map(str, (signal_id, day.isoformat(), *map(micros, times), count, codec)))
    return hashlib.sha256(before + said.encode() + b"\n" + data).digest()


def checksum_of(seals: Iterable[bytes]) -> str:
    """Of several segments, in the order they were sealed."""
    return hashlib.sha256(b"".join(seals)).hexdigest()
