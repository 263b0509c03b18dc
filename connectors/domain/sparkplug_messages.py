"""What Sparkplug B sessions are told and what they answer, apart from any wire format."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from connectors.domain.columns import NO_STATUS, Columns
from connectors.domain.notices import Notice
from connectors.domain.outage import GapRecord

NBIRTH, DBIRTH, NDATA, DDATA, NDEATH, DDEATH = "NBIRTH", "DBIRTH", "NDATA", "DDATA", "NDEATH", "DDEATH"
KINDS: Final = frozenset({NBIRTH, DBIRTH, NDATA, DDATA, NDEATH, DDEATH})


class Metric(NamedTuple):
    """``error`` says why the value could not be read; then ``value`` means nothing.

    ``timestamp``: ms, 0 = none. ``value``: a plain value, or ``Parts``.
    """

    name: str
    alias: int | None
    timestamp: int
    datatype: int
    value: Any
    historical: bool = False
    status: int = NO_STATUS
    error: str = ""


class Parts(tuple[Metric, ...]):
    """A value made of values (array, template, DataSet, a value with its properties).

    Each part is named by what follows the whole's name: ``[3]``, ``/member``, ``[0]/column``, ``.property``.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Message:
    """One Sparkplug message, read.

    ``seq`` None = absent; ``timestamp``: ms, 0 = none; ``raw`` for quarantine; ``link``: which broker it came
    through; ``composed``: one of its values is Parts, or nulls them.
    """

    kind: str
    group: str
    node: str
    device: str
    timestamp: int
    seq: int | None
    metrics: list[Metric]
    arrival: int
    raw: bytes = b""
    link: int = 0
    composed: bool = False

    @property
    def topic(self) -> str:
        return "/".join(filter(None, ("spBv1.0", self.group, self.kind, self.node, self.device)))


class Rebirth(NamedTuple):
    group: str
    node: str
    reason: str
    link: int = 0


class Unreadable(NamedTuple):
    topic: str
    reason: str
    raw: bytes
    arrival: int


@dataclass(slots=True)
class Outcome:
    samples: Columns = field(default_factory=Columns)
    gaps: list[GapRecord] = field(default_factory=list)
    unreadable: list[Unreadable] = field(default_factory=list)
    rebirths: list[Rebirth] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)


def topic_parts(topic: str) -> tuple[str, str, str, str] | None:
    """(kind, group, node, device) of ``spBv1.0/group/kind/node[/device]``; None when it is none."""
    parts = topic.split("/")
    if len(parts) not in (4, 5) or parts[0] != "spBv1.0" or parts[2] not in KINDS or not all(parts[1:4]):
        return None
    device = parts[4] if len(parts) == 5 else ""
    if parts[2].startswith("D") != bool(device):
        return None
    return parts[2], parts[1], parts[3], device
