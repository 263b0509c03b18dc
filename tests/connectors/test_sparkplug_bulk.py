"""Messages taken in at once mean what they mean one by one."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from connectors.domain.columns import Columns, encode
from connectors.domain.sparkplug_messages import Outcome
from connectors.domain.sparkplug_session import Host
from connectors.protocols.sparkplug import SparkplugConfig, SparkplugConnector, bulk, codec
from connectors.protocols.sparkplug.lockstep import Scan, fields_of
from connectors.protocols.sparkplug.sparkplug_b_pb2 import Payload
from connectors.transports.mqtt_client import Received

START = 1_700_000_000_000_000
# What numbers of the wire, timestamps and types are drawn from
WILD = st.one_of(
    st.sampled_from(
        (0, 1, 5, 127, 128, 255, 2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1, 2**63, 2**64 - 1, 2**56 - 1)
    ),
    st.integers(0, 2**64 - 1),
)
TYPES = st.sampled_from((0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 16, 19, 22, 32, 40, 64, 67, 2**32 - 1))
DATED = st.one_of(
    st.just(START // 1000), st.sampled_from((0, 253_402_300_799_999, 253_402_300_800_000)), WILD
)


# -- the scanner and protobuf ------------------------------------------------------------------------------


def varint(value: int, padding: int = 0) -> bytes:
    """``padding``: bytes more than it needs."""
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    made.append(value)
    for _ in range(padding):
        made[-1] |= 128
        made.append(0)
    return bytes(made)


@st.composite
def wire_field(draw: st.DrawFn) -> bytes:
    kind = draw(st.integers(0, 20))
    number = draw(st.sampled_from((2, 2, 3, 3, 4, 5, 6, 7, 10, 10, 11, 11, 14)))
    if kind < 14:
        padding = draw(st.sampled_from((0,) * 8 + (1, 2, 5, 9)))
        return varint(number << 3) + varint(draw(WILD) if number != 4 else draw(TYPES), padding)
    if kind < 18:
        return b"\x69" + struct.pack("<Q", draw(WILD))
    if kind < 20:
        return b"\x65" + struct.pack("<I", draw(WILD) & 0xFFFFFFFF)
    return draw(st.binary(max_size=12))


FRAMED = st.lists(wire_field(), min_size=1, max_size=6).map(b"".join)


@settings(max_examples=300, deadline=None)
@given(
    metrics=st.lists(FRAMED, max_size=6), declared=TYPES, head=st.binary(max_size=3), cut=st.integers(0, 9)
)
@example(metrics=[b"\x10\x01\x58" + b"\xff" * 9 + b"\x01"] * 2, declared=4, head=b"", cut=0)
@example(metrics=[b"\x10\x01\x65\x01\x00\x80\x7f"], declared=0, head=b"\x18\x05", cut=0)
def test_what_is_read_side_by_side_is_what_protobuf_reads(
    metrics: list[bytes], declared: int, head: bytes, cut: int
) -> None:
    raw = head + b"".join(b"\x12" + varint(len(one)) + one for one in metrics)
    raw = raw[: len(raw) - cut] if cut < 3 else raw
    scan = Scan()
    # Another before it, so that nothing begins at zero
    scan.frame(b"\x18\x01\x12\x04\x10\x01\x50\x05")
    frame = scan.frame(raw)
    if frame is None or (frame.seq or 0) > 255:
        return
    fields = fields_of(scan)
    if not fields.plain[frame.first : frame.last].all():
        return
    message = codec.read(
        raw, kind="NDATA", group="g", node="n", device="", arrival=0, datatype=lambda name, alias: declared
    )
    kinds, bits = fields.packed(np.full(len(fields.plain), declared))
    rows = range(frame.first, frame.last)
    assert (message.seq, message.timestamp) == (frame.seq, codec.millis(frame.timestamp))
    assert [(m.name, m.error, m.status) for m in message.metrics] == [("", "", -1)] * len(rows)
    assert [m.alias for m in message.metrics] == [int(fields.alias[row]) for row in rows]
    assert [m.timestamp for m in message.metrics] == [
        codec.millis(int(fields.timestamp[row])) for row in rows
    ]
    assert [m.historical for m in message.metrics] == [bool(fields.historical[row]) for row in rows]
    packed = Columns().packed
    assert [packed(m.value) for m in message.metrics] == [(int(kinds[row]), int(bits[row])) for row in rows]


# -- the session -------------------------------------------------------------------------------------------


@dataclass
class Edge:
    """Says what it is asked to; counts its seq as an edge should."""

    seq: dict[str, int] = field(default_factory=dict)

    def says(self, step: Step) -> Received:
        payload = Payload()
        if step.sent:
            payload.timestamp = step.sent
        before = self.seq.get(step.node, 0)
        number = 0 if step.kind == "NBIRTH" else (before + 1 + step.jump) & 255
        if step.jump != -2:
            self.seq[step.node] = number
            payload.seq = number
        if step.jump == 7:
            payload.seq = 300
        if step.kind in ("NBIRTH", "NDEATH"):
            payload.metrics.add(name="bdSeq", long_value=step.bd_seq, datatype=8)
        for said in step.metrics:
            _say(payload.metrics.add(), said, step.kind.endswith("BIRTH"))
        raw = bytearray(payload.SerializeToString())
        if step.mutated is not None and raw:
            raw[step.mutated[0] % len(raw)] = step.mutated[1]
        device = "/D" if step.kind.startswith("D") else ""
        return Received(f"spBv1.0/g/{step.kind}/{step.node}{device}", bytes(raw), 0, 0, False, False, step.at)


@dataclass(frozen=True)
class Step:
    kind: str
    node: str
    metrics: list[tuple[Any, ...]]
    sent: int
    at: int
    jump: int = 0
    bd_seq: int = 0
    link: int = 0
    mutated: tuple[int, int] | None = None
    cut: bool = False
    waits: int = 0


def _say(metric: Any, said: tuple[Any, ...], birth: bool) -> None:
    number, how, value, datatype, dated, historical, odd = said
    metric.alias = number
    if birth or odd == "name":
        metric.name = f"m{number}"
    if birth and odd == "twice":
        metric.alias = 3
    if dated is not None:
        metric.timestamp = dated
    if datatype is not None:
        metric.datatype = datatype
    if historical:
        metric.is_historical = True
    if odd == "null":
        metric.is_null = True
    elif odd == "unknown" and not birth:
        metric.alias = 99
    elif odd == "quality":
        metric.properties.keys.append("Quality")
        metric.properties.values.add().int_value = 0
    if how == "double":
        metric.double_value = struct.unpack("<d", struct.pack("<Q", value))[0]
    elif how == "float":
        metric.float_value = struct.unpack("<f", struct.pack("<I", value & 0xFFFFFFFF))[0]
    elif how == "int":
        metric.int_value = value & 0xFFFFFFFF
    elif how == "long":
        metric.long_value = value
    elif how == "bool":
        metric.boolean_value = bool(value & 1)
    elif how == "text":
        metric.string_value = str(value)
    elif how == "array":
        metric.bytes_value = bytes(value & 3)


SAID = st.tuples(
    st.integers(0, 5),
    st.sampled_from(("int", "int", "long", "long", "double", "double", "float", "bool", "text", "array", "")),
    WILD,
    st.one_of(st.none(), st.none(), TYPES),
    st.one_of(st.none(), DATED),
    st.booleans(),
    st.sampled_from(("",) * 20 + ("name", "null", "unknown", "quality", "twice")),
)
PLAIN = st.tuples(
    st.integers(0, 5),
    st.sampled_from(("int", "long", "double", "bool", "float")),
    WILD,
    st.sampled_from((None, None, 3, 4, 8, 11)),
    st.one_of(st.none(), DATED),
    st.booleans(),
    st.just(""),
)
STEP = st.builds(
    Step,
    kind=st.sampled_from(("NDATA",) * 6 + ("DDATA",) * 5 + ("NBIRTH", "DBIRTH", "DDEATH", "NDEATH")),
    node=st.sampled_from(("E", "E", "E", "F")),
    metrics=st.one_of(st.lists(PLAIN, max_size=5), st.lists(PLAIN, max_size=5), st.lists(SAID, max_size=4)),
    sent=st.sampled_from((START // 1000, START // 1000, 0, 253_402_300_800_000)),
    at=st.integers(START, START + 50_000),
    jump=st.sampled_from((0,) * 16 + (1, -1, -2, 3, 7, 200)),
    bd_seq=st.sampled_from((0, 0, 0, 1)),
    link=st.sampled_from((0,) * 12 + (1,)),
    mutated=st.one_of(
        st.none(), st.none(), st.none(), st.none(), st.tuples(st.integers(0, 80), st.integers(0, 255))
    ),
    cut=st.sampled_from((False, False, False, True)),
    waits=st.sampled_from((0, 0, 0, 3_000_000)),
)
EVERY = [(number, "long", number, (3, 4, 8, 11, 22, 10)[number], None, False, "") for number in range(6)]
BORN = [
    Step(kind, node, EVERY, START // 1000, START)
    for node in ("E", "F")
    for kind in ("NBIRTH", "DBIRTH")
]  # fmt: skip


def connector() -> SparkplugConnector:
    return SparkplugConnector(SparkplugConfig.from_mapping({"broker": "mqtt://h:1", "host_id": "a"}))


def told(out: Outcome) -> tuple[Any, ...]:
    return encode(out.samples), out.gaps, out.unreadable, out.rebirths, out.alarms, out.notices


def state(host: Host) -> str:
    # A number that is none is not equal to itself
    return repr((host._nodes, host._now))


@settings(max_examples=400, deadline=None)
@given(steps=st.lists(STEP, min_size=1, max_size=25), born=st.booleans(), patience=st.sampled_from((1, 1, 2)))
def test_taken_in_at_once_is_taken_in_one_by_one(steps: list[Step], born: bool, patience: int) -> None:
    alone, together, edge, now = connector(), connector(), Edge(), START
    one_by_one, at_once = Outcome(), Outcome()
    waiting: list[Received] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bulk, "ENOUGH", 0)
        patch.setattr(bulk, "LEAST_BYTES", 0)
        patch.setattr(bulk, "MOST_IN_A_ROW", patience)
        said = [*(BORN if born else []), *steps]
        for step, after in zip(said, [*said[1:], None], strict=True):
            message = edge.says(step)
            waiting.append(message)
            alone._feed(message, one_by_one, step.link)
            if after is None or after.link != step.link or step.cut:
                together._feed_all(waiting, at_once, step.link)
                waiting = []
                now += step.waits + 100_000
                alone._host.tick(now, one_by_one)
                together._host.tick(now, at_once)
                assert told(at_once) == told(one_by_one)
                assert state(together._host) == state(alone._host)
                if step.waits:
                    one_by_one, at_once = Outcome(), Outcome()


def test_a_stream_in_order_is_taken_in_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    made, edge, out = connector(), Edge(), Outcome()
    for born in BORN:
        made._feed(edge.says(born), out)
    births = len(out.samples)
    data = [
        edge.says(Step("DDATA" if number % 3 else "NDATA", "E" if number % 5 else "F", EVERY, 0, START))
        for number in range(100)
    ]
    monkeypatch.setattr(made, "_feed", None)
    made._feed_all(data, out)
    assert len(out.samples) == births + 600
    assert not out.unreadable
    assert not out.rebirths
