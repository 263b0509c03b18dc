"""The connector port: what a protocol must offer, and nothing of what the product does with it."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Protocol, Self

from connectors.domain.columns import Columns
from connectors.domain.notices import Notice
from connectors.domain.outage import GapRecord
from connectors.domain.phrase import Phrase, Told, late
from plant.domain.samples import Sample

__all__ = [
    "Columns",
    "ConfigurationError",
    "Connector",
    "ConnectorConfig",
    "GapRecord",
    "Identity",
    "Malformed",
    "Notice",
    "Probe",
    "SampleBatch",
    "Unavailable",
    "option",
]


class ConfigurationError(Told, ValueError):
    """The configuration cannot work as written: never retried, shown to the engineer."""

    is_bad_input = True


class Unavailable(Told):
    """The source cannot be reached or was lost: back off and try again."""


def option(default: Any = dataclasses.MISSING, *, label: str, help: str, **extra: Any) -> Any:  # noqa: A002
    """A configuration field with the words a form and the documentation show."""
    return field(default=default, metadata={"label": label, "help": help, **extra})


@dataclass(frozen=True, kw_only=True)
class ConnectorConfig:
    """``addresses``, ``resume_from`` and ``remembered`` (what earlier batches said to ``remember``) come from
    the runner; every other field is the engineer's.
    """

    addresses: tuple[str, ...] = ()
    resume_from: datetime | None = None
    remembered: Mapping[str, bytes] = field(default_factory=dict, repr=False, compare=False)
    SUPPLIED: ClassVar[frozenset[str]] = frozenset({"addresses", "resume_from", "remembered"})

    @classmethod
    def from_mapping(cls, raw: Mapping[str, Any], **supplied: Any) -> Self:
        known = {item.name: item for item in dataclasses.fields(cls) if item.name not in cls.SUPPLIED}
        unknown = sorted(set(raw) - set(known))
        if unknown:
            raise ConfigurationError(
                late("unknown setting %(name)r; expected one of %(known)s"),
                name=unknown[0],
                known=", ".join(sorted(known)),
            )
        missing = [
            name
            for name, item in known.items()
            if name not in raw
            and item.default is dataclasses.MISSING
            and item.default_factory is dataclasses.MISSING
        ]
        if missing:
            raise ConfigurationError(late("setting %(name)r is missing"), name=missing[0])
        hints = typing.get_type_hints(cls)
        return cls(**{name: _typed(name, value, hints[name]) for name, value in raw.items()}, **supplied)


def _typed(name: str, value: Any, expected: Any) -> Any:
    """A JSON value as the field's type; what cannot be is refused with both named."""
    origin = typing.get_origin(expected)
    if origin is types.UnionType:
        if value is None:
            return None
        expected = next(item for item in typing.get_args(expected) if item is not type(None))
        origin = typing.get_origin(expected)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise _unexpected(name, value, late("a list"))
        inner = typing.get_args(expected)[0]
        return tuple(_typed(f"{name}[{index}]", item, inner) for index, item in enumerate(value))
    if origin is dict or expected is dict:
        if not isinstance(value, Mapping):
            raise _unexpected(name, value, late("a mapping"))
        return dict(value)
    if expected is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, expected) or (expected in (int, float) and isinstance(value, bool)):
        raise _unexpected(name, value, _KINDS.get(expected, expected.__name__))
    return value


_KINDS = {str: late("text"), int: late("a whole number"), float: late("a number"), bool: late("yes or no")}


def _unexpected(name: str, value: Any, expected: str) -> ConfigurationError:
    text = late("%(name)s: read %(read)r, expected %(expected)s")
    return ConfigurationError(text, name=name, read=value, expected=Phrase(expected))


@dataclass(frozen=True, kw_only=True)
class Malformed:
    """A message nobody could read.

    ``raw`` is what came, ``source`` where (topic, node), ``reason`` why not.
    """

    source: str
    reason: str
    raw: bytes
    arrival_time: datetime


@dataclass(kw_only=True)
class SampleBatch:
    """What arrived together.

    ``token`` is the connector's own: what to acknowledge once the batch is on disk. Not ``followed``: another
    host records now, so nothing can be said of how far the values are complete. ``remember``: kept on disk
    with the batch, in one commit, and told to whoever reads this source next; None = forget.
    """

    samples: Columns = field(default_factory=Columns)
    gaps: list[GapRecord] = field(default_factory=list)
    malformed: list[Malformed] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    followed: bool = True
    token: Any = None
    messages: int = 0
    remember: dict[str, bytes | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        said = self.gaps or self.malformed or self.notices or self.messages or self.remember
        return bool(len(self.samples) or said)


@dataclass(frozen=True, kw_only=True)
class Probe:
    """What a test connection saw: who answered, live values, and what to know before saving."""

    server: str
    samples: tuple[Sample, ...] = ()
    warnings: tuple[Phrase, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Our own certificate on this host, and the folders where a source's is trusted or waits to be."""

    certificate: str
    thumbprint: str
    valid_until: datetime
    trusted: str
    rejected: str


class Connector(Protocol):
    """A connector may also offer, as static methods or attributes:

    ``reread(config, source, raw, arrival) -> Columns``, a quarantined message once more (raises ValueError),
    ``identity(config) -> Identity | None``, what the source must be told of us (raises ConfigurationError),
    ``exception(config) -> str``, why a protection was given up, "" when none was: it is put on record,
    ``name: ClassVar[str]``, what people call the protocol, else its slug,
    ``async job_command(config, verb, job, comment) -> int``, a job order to the machine: its return status.
    """

    slug: ClassVar[str]
    config_class: ClassVar[type[ConnectorConfig]]

    def __init__(self, config: Any) -> None:
        """Validates; does no I/O. Raises ConfigurationError."""
        ...

    async def probe(self) -> Probe: ...

    def batches(self) -> AsyncIterator[SampleBatch]:
        """One session with the source, until cancelled; raises Unavailable when it is lost.

        Called again to retry.
        """
        ...

    async def acknowledge(self, batch: SampleBatch) -> None:
        """Called once the batch is safe on disk, in the order the batches came."""
        ...
