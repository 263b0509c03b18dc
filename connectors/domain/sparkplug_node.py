"""What is known of one edge node between its messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from connectors.domain.outage import GapRecord
from connectors.domain.sparkplug_messages import Message

# Half the numbers: with more, the missing one's number would come round again and seem to heal the jump.
MAX_BUFFERED: Final = 128


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Microseconds.

    ``cooldown`` is lengthened per node by up to a quarter, so that nodes do not answer in step.
    """

    reorder_timeout: int = 2_000_000
    cooldown: int = 30_000_000
    rebirth_on_unknown: bool = True


@dataclass(slots=True)
class Known:
    address: str
    datatype: int


@dataclass(slots=True)
class Node:
    group: str
    name: str
    online: bool = False
    ever_born: bool = False
    bd_seq: int | None = None
    last_seq: int | None = None
    last_heard: int = 0
    aliases: dict[int, Known] = field(default_factory=dict)
    names: dict[tuple[str, str], Known] = field(default_factory=dict)
    devices: dict[str, bool] = field(default_factory=dict)
    buffer: list[Message] = field(default_factory=list)
    deadline: int | None = None
    asked_at: int | None = None
    wanted: str = ""
    gaps: dict[str, GapRecord] = field(default_factory=dict)
    awaiting: dict[str, int] = field(default_factory=dict)
    # A death whose bdSeq was not the birth's came then, and nothing has been heard since
    doubted_at: int | None = None
    doubt_asked: bool = False

    @property
    def path(self) -> str:
        return f"{self.group}/{self.name}"
