"""From the metrics of a Sparkplug message to samples, by the names and aliases its births gave."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from hashlib import blake2b
from typing import Final

from connectors.domain.columns import NO_STATUS
from connectors.domain.phrase import Told, late
from connectors.domain.sparkplug_messages import (
    DBIRTH,
    DDATA,
    NBIRTH,
    NDATA,
    Message,
    Metric,
    Outcome,
    Parts,
    Unreadable,
)
from connectors.domain.sparkplug_node import Known, Node, Table
from connectors.domain.sparkplug_types import COMPOSED, TEMPLATE, whole
from plant.domain.samples import Quality

BD_SEQ: Final = "bdSeq"
REBIRTH: Final = "Node Control/Rebirth"
NOTHING: Final = Table()
MOST_TOLD: Final = 20


class NotAlone(Told, ValueError):
    """A message that means nothing, or nothing certain, without the birth it followed."""


def learn(node: Node, message: Message, out: Outcome) -> None:
    """The names and aliases a birth gives, and what it should not have given."""
    prefix, table = node.prefix(message.device), Table()
    cases: dict[str, str] = {}
    for metric in message.metrics:
        if not metric.name:
            continue
        known = table.names[metric.name] = Known(metric.name, prefix + metric.name, metric.datatype)
        other = cases.setdefault(metric.name.lower(), metric.name)
        if other != metric.name:
            out.alarms.append(f"{prefix[:-1]}: names that differ only by case: {other}, {metric.name}")
        if metric.alias is not None and table.aliases.setdefault(metric.alias, known).name != metric.name:
            table.twice.add(metric.alias)
    for alias in sorted(table.twice):
        del table.aliases[alias]
        out.alarms.append(f"{prefix[:-1]}: alias {alias} stands for two metrics; neither is read by it")
    shared = [
        device
        for device, there in node.tables.items()
        if device != message.device and not there.aliases.keys().isdisjoint(table.aliases)
    ]
    if shared:
        out.alarms.append(f"{node.path}: devices share aliases; told apart by their topics")
    node.tables[message.device] = table


def values_into(node: Node, message: Message, out: Outcome) -> str:
    """Adds what the message says; returns what it speaks of that no birth named, "" when nothing."""
    sent = message.timestamp * 1000 or message.arrival
    birth = message.kind in (NBIRTH, DBIRTH)
    table = node.tables.get(message.device, NOTHING)
    aliases, names = table.aliases, table.names
    metrics = _flattened(table, message) if message.composed else message.metrics
    samples = out.samples
    index_of, packed = samples.index_of, samples.packed
    address, source_time, quality = samples.address.append, samples.source_time.append, samples.quality.append
    add_status, flags = samples.status.append, samples.historical.append
    add_kind, add_bits = samples.kind.append, samples.bits.append
    problem, skipped, wrong = "", set[int](), list[str]()
    for place, (name, alias, timestamp, _, value, historical, status, error) in enumerate(metrics):
        known = names.get(name) if name else aliases.get(alias)  # type: ignore[arg-type]
        if known is None:
            skipped.add(place)
            if name or not (alias == -1 or alias in table.twice):
                problem = problem or (f"unknown metric {name!r}" if name else f"unknown alias {alias}")
            else:  # births would not make it readable
                wrong.append(f"alias {alias} stands for two metrics" if alias != -1 else error)
            continue
        if error:
            wrong.append(f"{known.address}: {error}")
            skipped.add(place)
            continue
        if birth and (name == BD_SEQ or name.startswith("Node Control/")):
            skipped.add(place)
            continue
        kind, bits = packed(value)
        address(index_of(known.address))
        source_time(timestamp * 1000 or sent)
        quality(0 if status == NO_STATUS else _quality(status))
        add_status(status)
        flags(historical)
        add_kind(kind)
        add_bits(bits)
    _stamp(message, out, sent, len(metrics), skipped)
    _unread(message, wrong, out)
    return problem


def _unread(message: Message, wrong: list[str], out: Outcome) -> None:
    """Each carries the message: of ten thousand wrong values only the first are told by themselves."""
    reasons = wrong[:MOST_TOLD]
    if len(wrong) > MOST_TOLD:
        reasons.append(f"{len(wrong) - MOST_TOLD} more values of this message, such as {wrong[-1]}")
    out.unreadable += [Unreadable(message.topic, why, message.raw, message.arrival) for why in reasons]


def _stamp(message: Message, out: Outcome, sent: int, count: int, skipped: set[int]) -> None:
    """What all values of a message share, at once. The key of a value is the message's bytes and its place in
    it: read again later, alone or in part, it is the same value.
    """
    base = base_of(message.raw)
    kept = count - len(skipped)
    out.samples.server_time.extend(array("q", [sent]) * kept)
    out.samples.arrival_time.extend(array("q", [message.arrival]) * kept)
    if skipped:
        out.samples.key.extend(base + place for place in range(count) if place not in skipped)
    else:
        out.samples.key.extend(range(base, base + count))


def base_of(raw: bytes) -> int:
    """The key of a message's first value."""
    return int.from_bytes(blake2b(raw, digest_size=8).digest(), "little") >> 2


def _flattened(table: Table, message: Message) -> Sequence[Metric]:
    """Composed values as their parts, each under the whole's name; a null whole is a null of each part."""
    found: list[Metric] = []
    for metric in message.metrics:
        known = table.names.get(metric.name) if metric.name else table.aliases.get(metric.alias or 0)
        if known is None or metric.error:
            found.append(metric._replace(value=None))
        elif isinstance(metric.value, Parts):
            found += _parts(table, known, metric, metric.value)
        elif metric.value is None and known.parts:
            found += [metric._replace(name=name, alias=None) for name in known.parts]
        else:
            found.append(metric)
    return found


def _parts(table: Table, known: Known, metric: Metric, parts: Parts) -> list[Metric]:
    """A birth names the whole; its parts are named by the first message that has them.

    Elements and rows that are no longer there are null; members a template leaves out are as they were.
    """
    found = []
    for part in parts:
        name, value = known.name + part.name, part.value
        if name not in table.names:
            table.names[name] = Known(name, known.address + part.name, part.datatype)
            known.parts.append(name)
        if type(value) is int and not part.datatype:
            value = whole(value, table.names[name].datatype)
        # A property is no less true while the value is bad
        inherits = part.status == NO_STATUS and not part.name.startswith(".")
        found.append(
            part._replace(
                name=name,
                alias=None,
                value=value,
                timestamp=part.timestamp or metric.timestamp,
                historical=part.historical or metric.historical,
                status=metric.status if inherits else part.status,
            )
        )
    if known.parts and (metric.datatype or known.datatype) in COMPOSED - {TEMPLATE}:
        there = {part.name for part in found}
        gone = [name for name in known.parts if name not in there and name[len(known.name)] == "["]
        found += [metric._replace(name=name, alias=None, value=None) for name in gone]
    return found


def read_alone(message: Message) -> Outcome:
    """A message by itself, without the session it came in. Raises NotAlone saying exactly what is missing."""
    if message.kind not in (NBIRTH, DBIRTH, NDATA, DDATA):
        raise NotAlone(late("a death carries no values"))
    for metric in message.metrics:
        if not metric.name:
            text = late(
                "the metric with alias %(alias)s has no name: only the birth before the message says which it"
                " is, that birth was not heard, and another may number metrics otherwise"
            )
            raise NotAlone(text, alias=metric.alias)
        if any(not one.datatype and type(one.value) is int for one in _each(metric)):
            text = late("metric %(name)r does not say its datatype: only the birth before the message does")
            raise NotAlone(text, name=metric.name)
    node, out = Node(message.group, message.node), Outcome()
    learn(node, message, out)
    values_into(node, message, out)
    return out


def _each(metric: Metric) -> Sequence[Metric]:
    return metric.value if isinstance(metric.value, Parts) else (metric,)


def _quality(status: int) -> int:
    """Sparkplug quality codes are OPC's: 192 good, 0 bad, 500 stale."""
    if 192 <= status < 256:
        return Quality.GOOD
    return Quality.UNCERTAIN if 64 <= status < 192 else Quality.BAD
