"""What is known of one edge node between its messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from connectors.domain.outage import GapRecord
from connectors.domain.sparkplug_messages import Message

# Half the numbers: with more, the missing one's number would come round again and seem to heal the jump.
MAX_BUFFERED: Final = 128
# So often births are asked for once more where none came, after twice the cool-down, then four times…
AGAIN: Final = 3


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Microseconds.

    ``cooldown`` is lengthened per node by up to a quarter, so that nodes do not answer in step.
    """

    reorder_timeout: int = 2_000_000
    cooldown: int = 30_000_000
    rebirth_on_unknown: bool = True
    # A node that is there is noted this often, with its seq
    seen_every: int = 3_600_000_000


@dataclass(slots=True)
class Known:
    """``parts``: names of what a composed value was made of when last said."""

    name: str
    address: str
    datatype: int
    parts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Table:
    """What one birth names. ``twice``: aliases it gave to two metrics; what they mean cannot be known."""

    names: dict[str, Known] = field(default_factory=dict)
    aliases: dict[int, Known] = field(default_factory=dict)
    twice: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Node:
    """``tables``: by device, "" = the node itself. Aliases should be unique in the whole node; edges that
    number them for each device are understood too: a message speaks only of its own topic's metrics.

    ``link``: the broker its birth came through; ``heard_on``: the one it was last heard through.
    """

    group: str
    name: str
    online: bool = False
    ever_born: bool = False
    # Whether its birth says that it can be asked for births
    answers: bool = False
    bd_seq: int | None = None
    last_seq: int | None = None
    last_heard: int = 0
    link: int = 0
    heard_on: int = 0
    noted_at: int = 0
    tables: dict[str, Table] = field(default_factory=dict)
    devices: dict[str, bool] = field(default_factory=dict)
    buffer: list[Message] = field(default_factory=list)
    deadline: int | None = None
    asked_at: int | None = None
    # So many times since its last birth
    asked: int = 0
    wanted: str = ""
    gaps: dict[str, GapRecord] = field(default_factory=dict)
    awaiting: dict[str, int] = field(default_factory=dict)
    # A death whose bdSeq was not the birth's came then, and nothing has been heard since
    doubted_at: int | None = None
    doubt_asked: bool = False

    @property
    def path(self) -> str:
        return f"{self.group}/{self.name}"

    def prefix(self, device: str) -> str:
        """How the addresses of the node's, or a device's, metrics begin."""
        return f"{self.path}/{device}:" if device else f"{self.path}:"

    def forget(self) -> None:
        """All that a birth told."""
        self.tables.clear()
        self.devices.clear()

    def expects(self, device: str, seq: int, link: int) -> bool:
        """Whether a DATA message is simply the next of a session that is in order."""
        return (
            self.online
            and self.link == link
            and self.doubted_at is None
            and not self.buffer
            and self.last_seq is not None
            and seq == (self.last_seq + 1) & 255
            and (not device or self.devices.get(device, False))
        )

    def ignores(self, now: int, cooldown: int) -> bool:
        """Whether it was asked for births, in vain as it seems: what it was asked by may be lost too."""
        waited = now - (self.asked_at or now)
        return 0 < self.asked <= AGAIN and waited >= cooldown << self.asked and self.doubted_at is None

    def passed(self, seq: int, arrival: int) -> None:
        """That message, once its values are added."""
        self.heard_on, self.last_seq, self.last_heard = self.link, seq, arrival


class Hole(NamedTuple):
    """What was sent then did not come."""

    start: int
    end: int
    what: str


def holes(node: Node, held: Sequence[Message]) -> list[Hole]:
    """Every stretch that is missing before one of ``held``, which are in the order they were sent."""
    found, expected, heard = [], ((node.last_seq or 0) + 1) & 255, node.last_heard
    for place, message in enumerate(held):
        if message.seq != expected:
            # What overtook it was sent later still
            end = min(later.arrival for later in held[place:])
            what = f"seq jump: expected {expected}, got {message.seq}"
            found.append(Hole(min(heard or end, end), end, what))
        expected, heard = ((message.seq or 0) + 1) & 255, message.arrival
    return found


def behind(node: Node, message: Message) -> bool:
    """Whether its seq is rather before the expected one than after: a birth, which counts anew, was missed,
    and with it what its aliases mean.
    """
    return ((message.seq or 0) - (node.last_seq or 0) - 1) & 255 >= MAX_BUFFERED
