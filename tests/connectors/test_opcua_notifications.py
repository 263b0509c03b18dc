"""What a server publishes, read from its bytes: exactly what the library reads, or the same refusal."""

from __future__ import annotations

import inspect
import re
import struct
from collections.abc import Callable
from dataclasses import fields
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from asyncua import ua
from asyncua.client.ua_session import UaSession as LibrarySession
from asyncua.common.utils import Buffer
from asyncua.ua import uaerrors
from asyncua.ua.ua_binary import struct_from_binary, struct_to_binary, variant_to_binary
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from connectors.domain.columns import NO_TIME, Columns, encode, instant, micros
from connectors.interface import SampleBatch
from connectors.protocols.opcua import receiving as module
from connectors.protocols.opcua.items import HEARTBEAT_HANDLE, Granted, Items
from connectors.protocols.opcua.notifications import Changes, published, republished
from connectors.protocols.opcua.receiving import Gone, Receiving
from connectors.protocols.opcua.values import NotAValue, scalar

_ua: Any = ua
ARRIVAL = 1_790_000_000_000_000
NOW_TICKS = 134_000_000_000_000_000
WATCHED = {handle: f"nsu=urn:x;s=v{handle}" for handle in range(2, 7)}
PICO_SOURCE, PICO_SERVER, SERVER = 16, 32, 8

ticks = st.one_of(
    st.integers(NOW_TICKS, NOW_TICKS + 10**9),
    st.sampled_from((0, 1, -1, 2**63 - 1, -(2**63), 2_650_467_743_990_000_000, 119_600_064_000_000_009)),
    st.integers(-(2**63), 2**63 - 1),
)
statuses = st.one_of(
    st.sampled_from((0, 0x480, 0x40000480, 0x80000000, 0x80310000, 0xC0000000)), st.integers(0, 2**32 - 1)
)


def _whole(bits: int, *, signed: bool) -> st.SearchStrategy[int]:
    low = -(2 ** (bits - 1)) if signed else 0
    return st.integers(low, low + 2**bits - 1)


moments = st.datetimes(
    datetime(1601, 1, 1),  # noqa: DTZ001 (the zone is drawn)
    datetime(9999, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "Null": st.none(),
    "Boolean": st.booleans(),
    "SByte": _whole(8, signed=True),
    "Byte": _whole(8, signed=False),
    "Int16": _whole(16, signed=True),
    "UInt16": _whole(16, signed=False),
    "Int32": _whole(32, signed=True),
    "UInt32": _whole(32, signed=False),
    "Int64": _whole(64, signed=True),
    "UInt64": _whole(64, signed=False),
    "Float": st.floats(width=32),
    "Double": st.floats(),
    "String": st.one_of(st.none(), st.text(), st.sampled_from(("", "a\0b", "é" * 10_001, "x" * 10_000))),
    "DateTime": moments,
    "Guid": st.uuids(),
    "ByteString": st.binary(max_size=30),
    "NodeId": st.builds(_ua.NodeId, st.integers(0, 70_000), st.integers(0, 3)),
    "StatusCode": statuses.map(lambda code: ua.StatusCode(ua.UInt32(code))),
    "QualifiedName": st.builds(_ua.QualifiedName, st.text(max_size=5)),
    "LocalizedText": st.builds(ua.LocalizedText, st.text(max_size=5), st.none()),
}


@st.composite
def variants(draw: st.DrawFn) -> bytes:
    name = draw(st.sampled_from((*VALUES, "Double", "Int32", "String")))
    kind = ua.VariantType[name]
    if name != "Null" and draw(st.integers(0, 9)) == 0:
        many = draw(st.lists(VALUES[name].filter(lambda one: one is not None), max_size=3))
        return variant_to_binary(_ua.Variant(many, kind, is_array=True))
    return variant_to_binary(_ua.Variant(draw(VALUES[name]), kind))


@st.composite
def values(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A monitored item's bytes as the standard orders them, and as the library does."""
    mask = draw(st.one_of(st.sampled_from((0x05, 0x0D, 0x0F)), st.integers(0, 63), st.integers(0, 255)))
    handle = draw(st.sampled_from((*WATCHED, HEARTBEAT_HANDLE, 99, 2**32 - 1)))
    head = struct.pack("<IB", handle, mask)
    parts = {
        1: draw(variants()) if mask & 1 else b"",
        2: struct.pack("<I", draw(statuses)),
        4: struct.pack("<q", draw(ticks)),
        8: struct.pack("<q", draw(ticks)),
        16: struct.pack("<H", draw(st.integers(0, 9999))),
        32: struct.pack("<H", draw(st.integers(0, 9999))),
    }

    def ordered(*bits: int) -> bytes:
        return head + b"".join(parts[bit] for bit in bits if mask & bit)

    return ordered(1, 2, 4, PICO_SOURCE, SERVER, PICO_SERVER), ordered(
        1, 2, 4, SERVER, PICO_SOURCE, PICO_SERVER
    )


def _extension(number: int, body: bytes) -> bytes:
    return struct.pack("<BBHBi", 1, 0, number, 1, len(body)) + body


def _data_change(items: list[bytes], after: bytes) -> bytes:
    body = struct.pack("<i", len(items)) + b"".join(items) + after
    return _extension(ua.ObjectIds.DataChangeNotification_Encoding_DefaultBinary, body)


DIAGNOSTICS = struct.pack("<iBi", 1, 1, 5)
EVENTS = struct_to_binary(
    ua.EventNotificationList(Events=[ua.EventFieldList(ClientHandle=_ua.UInt32(9), EventFields=[])])
)
OTHERS = (
    _extension(ua.ObjectIds.EventNotificationList_Encoding_DefaultBinary, EVENTS),
    _extension(ua.ObjectIds.StatusChangeNotification_Encoding_DefaultBinary, struct.pack("<IB", 0, 0)),
    b"\x00\x00\x00",
)


@st.composite
def messages(draw: st.DrawFn) -> tuple[bytes, bytes]:
    """A publish response as the standard writes it, and as the library does."""
    head = ua.PublishResponse()
    head.ResponseHeader.Timestamp = datetime(2026, 1, 1, tzinfo=UTC)
    result = head.Parameters
    result.SubscriptionId = _ua.UInt32(draw(st.integers(0, 5)))
    result.AvailableSequenceNumbers = draw(st.lists(st.integers(0, 2**32 - 1), max_size=3))
    result.MoreNotifications = draw(st.booleans())
    result.NotificationMessage.SequenceNumber = _ua.UInt32(draw(st.integers(0, 2**32 - 1)))
    result.NotificationMessage.PublishTime = draw(moments)
    # Without the counts of notifications, results and diagnostics, which are none
    begin = struct_to_binary(head)[:-12]
    both = list[tuple[bytes, bytes]]()
    for _ in range(draw(st.integers(0, 3))):
        if draw(st.integers(0, 4)) == 0:
            both.append((draw(st.sampled_from(OTHERS)),) * 2)
            continue
        items = draw(st.lists(values(), max_size=6))
        after = draw(st.sampled_from((*[struct.pack("<i", -1), struct.pack("<i", 0)] * 3, DIAGNOSTICS)))
        standard, library = ([pair[side] for pair in items] for side in (0, 1))
        both.append((_data_change(standard, after), _data_change(library, after)))
    end = struct.pack("<iI", 1, draw(statuses)) + struct.pack("<i", draw(st.sampled_from((-1, 0))))
    count = struct.pack("<i", len(both))
    return tuple(begin + count + b"".join(pair[side] for pair in both) + end for side in (0, 1))  # type: ignore[return-value]


def by_library(raw: bytes) -> ua.PublishResponse:
    return struct_from_binary(ua.PublishResponse, Buffer(raw))


def spelled(answer: ua.PublishResponse) -> str:
    """Everything but the values: those in ``Changes`` are judged by what is made of them."""
    message = answer.Parameters.NotificationMessage
    kinds = [
        "changes" if isinstance(one, Changes | ua.DataChangeNotification) else repr(one)
        for one in message.NotificationData or ()
    ]
    result = answer.Parameters
    told = (result.SubscriptionId, result.AvailableSequenceNumbers, result.MoreNotifications, result.Results)
    header = (answer.TypeId, answer.ResponseHeader, result.DiagnosticInfos)
    return repr((header, told, message.SequenceNumber, message.PublishTime, kinds))


def said(data: ua.DataValue) -> str:
    """Without the picoseconds, of which the library reads those of the source from elsewhere."""
    source, server = data.SourceTimestamp, data.ServerTimestamp
    return repr((data.Value, data.StatusCode, source, server))


def followed() -> Receiving:
    items = Items(100.0, 10, addresses=dict(WATCHED), silent=set(WATCHED))
    items.granted[2] = Granted(100.0, 2)
    items._fewest = 2
    return Receiving("x", items, 100)


def batch_of(notifications: list[Any] | None) -> tuple[Any, ...]:
    """All that becomes of them, followed twice: what came before decides about gaps."""
    receiving = followed()
    clock = SimpleNamespace(time_ns=lambda: ARRIVAL * 1000, monotonic=lambda: 5.0)
    found = list[SampleBatch]()
    with mock.patch.object(module, "time", clock):
        try:
            found = [receiving.read(notifications or []) for _ in range(2)]
        except Gone as error:
            return (str(error),)
    told = [(encode(one.samples), one.gaps, one.malformed, one.messages) for one in found]
    return told, receiving.items.silent, receiving.data_heard == 5.0


def plainly(notifications: list[Any] | None) -> bytes:
    """Columns as a value at a time makes them, by the standard's words alone."""
    columns = Columns()
    for notification in notifications or ():
        for item in getattr(notification, "MonitoredItems", ()):
            if item.ClientHandle in WATCHED:
                _plain(columns, WATCHED[item.ClientHandle], item.Value)
    return encode(columns)


def _plain(columns: Columns, address: str, data: ua.DataValue) -> None:
    status = 0 if data.StatusCode is None else int(data.StatusCode.value)
    both = (data.SourceTimestamp, data.ServerTimestamp)
    source, server = (None if at is None or at.year < 1980 else micros(at) for at in both)
    if data.Value is not None and data.Value.is_array:
        return
    try:
        value = None if data.Value is None else scalar(data.Value.Value)
    except NotAValue:
        return
    columns.add(
        address,
        value,
        source_time=source or server or ARRIVAL,
        server_time=server or NO_TIME,
        arrival_time=ARRIVAL,
        quality=min(status >> 30, 2),
        status=status & ~0x480 if status & 0x480 == 0x480 else status,
    )


@settings(max_examples=250, deadline=None)
@given(messages())
def test_what_is_read_from_the_bytes_is_what_the_library_reads(both: tuple[bytes, bytes]) -> None:
    ours, theirs = published(Buffer(both[0])), by_library(both[1])
    assert spelled(ours) == spelled(theirs)
    read, expected = (one.Parameters.NotificationMessage.NotificationData for one in (ours, theirs))
    for mine, library in zip(read or (), expected or (), strict=True):
        if isinstance(mine, Changes):
            assert [(change[0], said(mine.whole(change))) for change in mine.items] == [
                (item.ClientHandle, said(item.Value)) for item in library.MonitoredItems
            ]
    made = batch_of(read)
    assert made == batch_of(expected)
    if len(made) > 1:
        assert made[0][0][0] == plainly(expected)


# An array of so many nothings: its elements take no room, so no end of the message ends it
ENDLESS = re.compile(rb"[\x80\xc0]..(?!\x00\x00).[\x00-\x7f]", re.DOTALL)
Mutation = Callable[[bytes], bytes]


@st.composite
def mutations(draw: st.DrawFn) -> Mutation:
    at, cut = draw(st.floats(0, 1)), draw(st.booleans())
    new = draw(st.one_of(st.binary(min_size=1, max_size=2), st.sampled_from((b"\xff" * 4, b"\0" * 4))))
    kind = draw(st.sampled_from(("replaced", "cut", "inserted", "removed")))

    def mutated(raw: bytes) -> bytes:
        place = int(at * len(raw))
        if kind == "cut":
            return raw[:place]
        if kind == "inserted":
            return raw[:place] + new + raw[place:]
        return raw[:place] + (new if kind == "replaced" or cut else b"") + raw[place + len(new) :]

    return mutated


def _read(reader: Callable[[bytes], ua.PublishResponse], raw: bytes) -> ua.PublishResponse | None:
    try:
        return reader(raw)
    except Exception:
        return None


@settings(max_examples=400, deadline=None)
@given(messages(), st.lists(mutations(), min_size=1, max_size=3))
def test_damaged_bytes_are_refused_as_the_library_refuses_them(
    both: tuple[bytes, bytes], damages: list[Mutation]
) -> None:
    raw = both[1]
    for damage in damages:
        raw = damage(raw)
    assume(not ENDLESS.search(raw))
    ours, theirs = _read(lambda raw: published(Buffer(raw)), raw), _read(by_library, raw)
    assert (ours is None) == (theirs is None)
    if ours is None or theirs is None:
        with pytest.raises(uaerrors.UaStructParsingError):
            published(Buffer(raw))
        return
    assert spelled(ours) == spelled(theirs)
    expected = theirs.Parameters.NotificationMessage.NotificationData
    if not any(map(_misread, expected or ())):
        assert batch_of(ours.Parameters.NotificationMessage.NotificationData) == batch_of(expected)


def _misread(notification: Any) -> bool:
    """The library looks for the server's time where the source's picoseconds stand."""
    items = getattr(notification, "MonitoredItems", ())
    return any(
        item.Value.SourcePicoseconds is not None and item.Value.ServerTimestamp is not None for item in items
    )


def test_the_servers_time_stands_behind_the_picoseconds_of_the_source() -> None:
    """Part 6 Table 27; node-red-contrib-opcua writes both, open62541 had it wrong once (#686)."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    since = (at - datetime(1601, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) * 10
    head = struct.pack("<IBBd", 2, 0x3D, 11, 1.5)
    body = head + struct.pack("<qHqH", since, 17, since + 10, 18)
    array = struct.pack("<IBBii", 3, 0x3D, 0x86, 1, 7) + struct.pack("<qHqH", since, 17, since + 10, 18)
    answer = struct_to_binary(ua.PublishResponse())[:-12] + struct.pack("<i", 1)
    answer += _data_change([body, array], struct.pack("<i", 0)) + struct.pack("<ii", 0, 0)
    (changes,) = published(Buffer(answer)).Parameters.NotificationMessage.NotificationData
    assert [instant(change[5]) for change in changes.items] == [at + timedelta(microseconds=1)] * 2
    assert changes.whole(changes.items[0]).ServerPicoseconds == 18


@pytest.mark.parametrize("kind", [0x80, 0xC0])
def test_an_array_of_endless_nothings_is_refused_at_once(kind: int) -> None:
    """The library would make two thousand million of them, of a message of some fifty bytes."""
    answer = struct_to_binary(ua.PublishResponse())[:-12] + struct.pack("<i", 1)
    endless = struct.pack("<IBBi", 2, 1, kind, 2**31 - 1)
    answer += _data_change([endless], struct.pack("<i", 0)) + struct.pack("<ii", 0, 0)
    with pytest.raises(uaerrors.UaStructParsingError):
        published(Buffer(answer))


@settings(max_examples=50, deadline=None)
@given(messages())
def test_what_is_published_again_is_read_alike(both: tuple[bytes, bytes]) -> None:
    (message,) = (published(Buffer(raw)).Parameters.NotificationMessage for raw in both[:1])
    theirs = by_library(both[1]).Parameters.NotificationMessage
    head = struct_to_binary(ua.RepublishResponse())[:-16]
    begin = both[0].index(struct.pack("<I", message.SequenceNumber) + _ticks(theirs.PublishTime))
    again = republished(Buffer(head + both[0][begin:])).NotificationMessage
    assert (again.SequenceNumber, again.PublishTime) == (theirs.SequenceNumber, theirs.PublishTime)
    assert batch_of(again.NotificationData) == batch_of(theirs.NotificationData)


def _ticks(at: datetime) -> bytes:
    return struct.pack("<q", _ua.datetime_to_win_epoch(at))


def test_the_library_is_the_one_this_was_written_for() -> None:
    """Its publishing is taken over up to how the answer is read; its order of picoseconds is put right."""
    taken_over = inspect.getsource(LibrarySession.publish) + inspect.getsource(LibrarySession.republish)
    assert "data = await self._send_request(request, timeout=0)" in taken_over
    assert "response = struct_from_binary(ua.PublishResponse, data)" in taken_over
    assert "data = await self._send_request(request)\n" in taken_over
    names = [field.name for field in fields(ua.DataValue)]
    assert names.index("ServerTimestamp") < names.index("SourcePicoseconds"), (
        "now right: leave it to the library"
    )
