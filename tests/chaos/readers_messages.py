"""Readers of messages: MQTT with JSON, Sparkplug B, OPC UA notifications."""

from __future__ import annotations

import json
import random
import tomllib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import patch

import orjson
from asyncua import ua
from google.protobuf.json_format import ParseDict
from google.protobuf.message import DecodeError

from connectors.domain.sparkplug_messages import Outcome, topic_parts
from connectors.domain.sparkplug_session import Host
from connectors.protocols.mqtt import MqttConfig, MqttConnector
from connectors.protocols.opcua.conditions import FIELDS, Conditions, condition_address
from connectors.protocols.opcua.items import Items
from connectors.protocols.opcua.receiving import Gone, Receiving
from connectors.protocols.sparkplug import SparkplugConfig, SparkplugConnector, bulk, connector
from connectors.protocols.sparkplug.sparkplug_b_pb2 import Payload
from connectors.transports.mqtt_client import Received
from tests.chaos import mutate
from tests.chaos.reading import ARRIVAL, NOW, Reader, Reading, of_batch

CASES = Path(__file__).resolve().parents[1] / "connectors" / "testcases"
LATER = 3_600_000_000
# The library types its own conversions more narrowly than it makes them
_ua: Any = ua
COMPOSED = {"bytes_value", "dataset_value", "template_value", "extension_value"}


@dataclass(frozen=True)
class Heard:
    """One message of a case, perhaps changed, after those before it."""

    case: Path
    place: int
    topic: str
    raw: bytes


def cases(protocol: str) -> list[Path]:
    found = sorted(path.parent for path in (CASES / protocol).glob("*/connection.toml"))
    return [case for case in found if not (case / "error.txt").exists()]


@cache
def _lines(case: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (case / "input.jsonl").read_text().splitlines() if line.strip()]


@cache
def settings(case: Path) -> dict[str, Any]:
    return tomllib.loads((case / "connection.toml").read_text())


def _payload(line: dict[str, Any], protocol: str) -> bytes:
    if "hex" in line:
        return bytes.fromhex(line["hex"])
    if protocol == "sparkplug":
        return ParseDict(line["payload"], Payload()).SerializeToString()
    return line["text"].encode() if "text" in line else json.dumps(line["payload"]).encode()


@cache
def _golden(protocol: str) -> list[Heard]:
    return [
        Heard(case, place, line["topic"], _payload(line, protocol))
        for case in cases(protocol)
        for place, line in enumerate(_lines(case))
        if "topic" in line
    ]


@cache
def _bytes(protocol: str) -> list[bytes]:
    return [heard.raw for heard in _golden(protocol)]


def _message(protocol: str) -> Callable[[random.Random], Heard]:
    def make(dice: random.Random) -> Heard:
        heard = dice.choice(_golden(protocol))
        if dice.random() < 0.15:
            topic = mutate.mutated(dice, [heard.topic.encode()], largest=65_535)
            # A broker passes on neither what is no UTF-8 nor zeros
            heard = replace(heard, topic=topic.decode("utf-8", "ignore").replace("\0", ""))
        golden = [*[heard.raw] * 6, *dice.sample(_bytes(protocol), 2)]
        raw = mutate.mutated(dice, golden, binary=protocol == "sparkplug")
        if protocol == "sparkplug" and dice.random() < 0.2:
            raw = _wild_payload(dice)
        return replace(heard, raw=raw)

    return make


def _received(topic: str, raw: bytes, at: int = ARRIVAL) -> Received:
    return Received(topic, raw, 0, 0, False, False, at)


# -- MQTT with JSON ---------------------------------------------------------------------------------------


@cache
def _mqtt(case: Path) -> MqttConnector:
    return MqttConnector(MqttConfig.from_mapping(settings(case)))


def _mqtt_begin(heard: Heard) -> Callable[[], Reading]:
    def read() -> Reading:
        batch = _mqtt(heard.case)._batch([_received(heard.topic, heard.raw)])
        return of_batch(batch.samples, batch.malformed)

    return read


def _says_nothing(heard: Heard) -> bool:
    """Whether every list and object in it is empty."""

    def empty(said: Any) -> bool:
        inside = said.values() if isinstance(said, dict) else said if isinstance(said, list) else None
        return inside is not None and (not inside or any(empty(one) for one in inside))

    try:
        return empty(orjson.loads(heard.raw))
    except ValueError:
        return False


# -- Sparkplug --------------------------------------------------------------------------------------------


@cache
def _sparkplug(case: Path) -> SparkplugConnector:
    return SparkplugConnector(SparkplugConfig.from_mapping(settings(case)))


def _sparkplug_begin(heard: Heard) -> Callable[[], Reading]:
    """After what its case said before it; then an hour passes, so that nothing is still held back."""
    host, before = _sparkplug(heard.case), Outcome()
    host._host = Host(host._host.rules, source="fuzz")
    for line in _lines(heard.case)[: heard.place]:
        if "topic" in line:
            host._feed(_received(line["topic"], _payload(line, "sparkplug"), ARRIVAL - LATER), before)
    host._host.tick(ARRIVAL - 1, before)
    out = Outcome()

    def read() -> Reading:
        # However few, as if many waited
        with patch.multiple(bulk, ENOUGH=0, LEAST_BYTES=0):
            host._feed_all([_received(heard.topic, heard.raw)], out)
        host._host.tick(ARRIVAL + LATER, out)
        batch = connector._batch(out, messages=1, gaps=[])
        reading = of_batch(out.samples, batch.malformed)
        reading.gaps, reading.notices = batch.gaps, batch.notices
        return reading

    return read


def _payload_says_nothing(heard: Heard) -> bool:
    """Commands, deaths and STATE carry no values; nor do births of nothing but what sessions need."""
    parts = topic_parts(heard.topic)
    if parts is None:
        return any(kind in heard.topic for kind in ("/NCMD/", "/DCMD/", "/STATE/"))
    payload = Payload()
    with suppress(DecodeError, UnicodeDecodeError):
        payload.ParseFromString(heard.raw)
    said = [m for m in payload.metrics if m.name != "bdSeq" and not m.name.startswith("Node Control/")]
    return parts[0].endswith("DEATH") or not said or any(m.WhichOneof("value") in COMPOSED for m in said)


def _wild_payload(dice: random.Random) -> bytes:
    """A payload that is one, and says what no machine would."""
    payload = Payload(timestamp=mutate.integer(dice) % 2**64, seq=dice.choice((0, 1, 2, 255, 256)))
    many = dice.choice((1, 1, 2, 5, 20_000))
    name = mutate.text(dice).encode("utf-8", "replace").decode()
    for number in range(many):
        metric = payload.metrics.add()
        if many < 10 or dice.random() < 0.1:
            metric.name = dice.choice(("", "Speed", "bdSeq", name, f"m{number}"))
            _wild_metric(dice, metric, name)
        if payload.ByteSize() > mutate.LARGEST if number % 500 == 499 else False:
            break
    return payload.SerializeToString()[: mutate.LARGEST]


def _wild_metric(dice: random.Random, metric: Any, name: str) -> None:
    metric.alias = mutate.integer(dice) % 2**64
    metric.timestamp = mutate.integer(dice) % 2**64
    metric.datatype = dice.choice((*range(40), 2**32 - 1))
    metric.properties.keys.append(dice.choice(("Quality", name, "engUnit")))
    metric.properties.values.add().long_value = mutate.integer(dice) % 2**64
    kind = dice.randrange(7)
    if kind == 0:
        metric.long_value = mutate.integer(dice) % 2**64
    elif kind == 1:
        metric.double_value = float(min(2**1000, max(-(2**1000), mutate.integer(dice))))
    elif kind == 2:
        metric.string_value = name
    elif kind == 3:
        metric.bytes_value = dice.randbytes(dice.choice((0, 3, 8, 80, 16_000)))
    elif kind in (4, 5):
        inner = Payload()
        for _ in range(dice.choice((1, 3, 1900, 2100))):
            inner.metrics.add().name = dice.choice(("a", "b/c"))
        # A template's members stand in the same field as a payload's metrics
        metric.template_value = inner.SerializeToString()
        metric.name = name
    elif kind == 6:
        metric.is_null = True


# -- OPC UA -----------------------------------------------------------------------------------------------

ADDRESSES = ("nsu=urn:x;s=a", "nsu=urn:x;s=b", "i=2258")
NAMESPACES = ["http://opcfoundation.org/UA/", "urn:x"]


def _opcua_make(dice: random.Random) -> list[Any]:
    items = [
        ua.MonitoredItemNotification(dice.choice((1, 2, 3, 4, 2**32 - 1)), _data_value(dice))
        for _ in range(dice.choice((0, 1, 3)))
    ]
    said: list[Any] = [ua.DataChangeNotification(MonitoredItems=items)] if items else []
    if dice.random() < 0.3:
        fields = [_variant(dice) for _ in range(dice.choice((0, 3, len(FIELDS), 20)))]
        for place, value in ((1, _ua.NodeId("a", 1)), (5, "Jam"), (6, _ua.NodeId())):
            if len(fields) > place and dice.random() < 0.7:
                fields[place] = _ua.Variant(value)
        said.append(ua.EventNotificationList(Events=[ua.EventFieldList(ClientHandle=5, EventFields=fields)]))
    return said


def _data_value(dice: random.Random) -> ua.DataValue:
    return _ua.DataValue(
        _variant(dice) if dice.random() < 0.9 else None,
        StatusCode=ua.StatusCode(ua.UInt32(mutate.integer(dice) % 2**32)) if dice.random() < 0.8 else None,
        SourceTimestamp=wild_instant(dice),
        ServerTimestamp=wild_instant(dice),
    )


def wild_instant(dice: random.Random) -> datetime | None:
    # As the library gives them, without a zone
    wild = (None, *map(datetime.fromisoformat, ("0001-01-01", "9999-12-31T23:59:59", "1601-01-01")), NOW)
    return dice.choice(wild) if dice.random() < 0.7 else NOW.replace(microsecond=dice.randrange(10**6))


def _variant(dice: random.Random) -> ua.Variant:
    def one() -> Any:
        kind = dice.randrange(9)
        if kind < 4:
            return mutate.number(dice)
        return (
            mutate.text(dice), b"\0\xff" * dice.choice((1, 9000)), wild_instant(dice), dice.random() < 0.5,
            dice.choice((_ua.NodeId("a", 1), _ua.NodeId(5, 60_000), ua.LocalizedText(mutate.text(dice)),
                         ua.QualifiedName(mutate.text(dice)), ua.StatusCode(ua.UInt32(5)), _ua.NodeId())),
        )[kind - 4]  # fmt: skip

    value = one()
    if dice.random() < 0.05:
        many, long = dice.choice((3, 10_000, 60_000)), len(value) if isinstance(value, str | bytes) else 8
        value = [value] * min(many, mutate.LARGEST // max(1, long))
    with suppress(Exception):
        return _ua.Variant(value, dice.choice(list(ua.VariantType)) if dice.random() < 0.3 else None)
    return _ua.Variant(5)


def _opcua_begin(notifications: list[Any]) -> Callable[[], Reading]:
    receiving = Receiving(
        "fuzz", Items(100.0, 10, addresses={2: ADDRESSES[0], 3: ADDRESSES[1], 4: ADDRESSES[2]}), 100
    )
    wanted = {("Jam", ADDRESSES[0]): condition_address("Jam", ADDRESSES[0])}
    receiving.namespaces, receiving.conditions = NAMESPACES, Conditions(wanted)

    def read() -> Reading:
        try:
            batch = receiving.read(notifications)
        except Gone as error:
            return Reading(refused=[("subscription", str(error))])
        reading = of_batch(batch.samples, batch.malformed)
        reading.gaps = batch.gaps
        return reading

    return read


def _nothing_watched(notifications: list[Any]) -> bool:
    """Values nobody asked for are not ours; events are judged by themselves (``spelled`` reads any)."""
    return not any(
        item.ClientHandle in (2, 3, 4)
        for said in notifications
        if isinstance(said, ua.DataChangeNotification)
        for item in said.MonitoredItems
    )


READERS = [
    Reader("mqtt", _message("mqtt"), _mqtt_begin, _says_nothing),
    Reader("sparkplug", _message("sparkplug"), _sparkplug_begin, _payload_says_nothing),
    Reader("opcua", _opcua_make, _opcua_begin, _nothing_watched),
]
