"""From the metrics of a Sparkplug message to samples, by the names and aliases its births gave."""

from __future__ import annotations

from array import array
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
    Outcome,
    Unreadable,
)
from connectors.domain.sparkplug_node import Known, Node
from plant.domain.samples import Quality

BD_SEQ: Final = "bdSeq"
REBIRTH: Final = "Node Control/Rebirth"


class NotAlone(Told, ValueError):
    """A message that means nothing, or nothing certain, without the birth it followed."""


def learn(node: Node, device: str, message: Message) -> None:
    """The names and aliases a birth gives."""
    prefix = f"{node.path}/{device}:" if device else f"{node.path}:"
    for metric in message.metrics:
        if metric.name:
            known = node.names[device, metric.name] = Known(prefix + metric.name, metric.datatype)
            if metric.alias is not None:
                node.aliases[metric.alias] = known


def values_into(node: Node, message: Message, out: Outcome) -> str:
    """Adds what the message says; returns what it speaks of that no birth named, "" when nothing."""
    arrival = message.arrival
    sent = message.timestamp * 1000 or arrival
    device, birth = message.device, message.kind in (NBIRTH, DBIRTH)
    aliases, names = node.aliases, node.names
    samples = out.samples
    index_of, packed = samples.index_of, samples.packed
    address, source_time, quality = samples.address.append, samples.source_time.append, samples.quality.append
    add_status, flags = samples.status.append, samples.historical.append
    add_kind, add_bits = samples.kind.append, samples.bits.append
    problem, skipped = "", set()
    for place, (name, alias, timestamp, _, value, historical, status, error) in enumerate(message.metrics):
        known = names.get((device, name)) if name else aliases.get(alias)  # type: ignore[arg-type]
        if known is None:
            problem = problem or (f"unknown metric {name!r}" if name else f"unknown alias {alias}")
            skipped.add(place)
            continue
        if error:
            unread = Unreadable(message.topic, f"{known.address}: {error}", message.raw, arrival)
            out.unreadable.append(unread)
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
    _stamp(message, out, sent, skipped)
    return problem


def _stamp(message: Message, out: Outcome, sent: int, skipped: set[int]) -> None:
    """What all values of a message share, at once. The key of a value is the message's bytes and its place in
    it: read again later, alone or in part, it is the same value.
    """
    base = int.from_bytes(blake2b(message.raw, digest_size=8).digest(), "little") >> 2
    places = range(len(message.metrics))
    count = len(places) - len(skipped)
    out.samples.server_time.extend(array("q", [sent]) * count)
    out.samples.arrival_time.extend(array("q", [message.arrival]) * count)
    if skipped:
        out.samples.key.extend(base + place for place in places if place not in skipped)
    else:
        out.samples.key.extend(range(base, base + count))


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
        if not metric.datatype and type(metric.value) is int:
            text = late("metric %(name)r does not say its datatype: only the birth before the message does")
            raise NotAlone(text, name=metric.name)
    node, out = Node(message.group, message.node), Outcome()
    learn(node, message.device, message)
    values_into(node, message, out)
    return out


def _quality(status: int) -> int:
    """Sparkplug quality codes are OPC's: 192 good, 0 bad, 500 stale."""
    if 192 <= status < 256:
        return Quality.GOOD
    return Quality.UNCERTAIN if 64 <= status < 192 else Quality.BAD
