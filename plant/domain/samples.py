"""What a source said: one value of one signal at one instant."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum
from typing import NamedTuple

Value = int | float | bool | str | None


class Quality(IntEnum):
    """Severity of a status code, as OPC UA Part 8 §6.3 groups them."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2


class Sample(NamedTuple):
    """One value as its source gave it. Instants are UTC; ``source_key`` tells equal-time values apart."""

    address: str
    source_time: datetime
    value: Value
    server_time: datetime | None = None
    quality: Quality = Quality.GOOD
    status_code: int | None = None
    historical: bool = False
    source_key: bytes = b""
