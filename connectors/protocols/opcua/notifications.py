"""What a server publishes, straight from its bytes (OPC UA Part 6 §5.2): values as tuples, not as objects.

The library makes some ten objects of every value, which costs more than all the rest of receiving it. Read
here are scalars a signal can be; every other value, and whatever else stands in a response, is read by the
library, and a response that is not quite as expected is read by the library alone.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from operator import itemgetter
from struct import Struct
from typing import Any, NamedTuple, TypeVar

from asyncua import Client, ua
from asyncua.common.utils import Buffer
from asyncua.ua import uaerrors
from asyncua.ua.ua_binary import extensionobject_from_binary, from_binary, struct_from_binary
from asyncua.ua.uatypes import MAX_OPC_FILETIME, win_epoch_to_datetime

from connectors.domain.columns import EPOCH, MICROSECOND, NO_TIME, micros
from connectors.protocols.opcua.values import MAX_TEXT, aware, said_of
from plant.domain.samples import Value

T = TypeVar("T")
log = logging.getLogger(__name__)

# Handle, where it stands in the message, the value (or what the library made of it), status, and the source's
# and the server's time (µs since 1970, NO_TIME: not said)
Change = tuple[int, int, Value | ua.DataValue, int, int, int]

_COUNT = Struct("<i")
_HANDLE = Struct("<I")
# An extension object with a body of bytes, of the type DataChangeNotification_Encoding_DefaultBinary
_DATA_CHANGE = Struct("<BBHB").pack(1, 0, ua.ObjectIds.DataChangeNotification_Encoding_DefaultBinary, 1)
_VALUE, _STATUS, _SOURCE, _SERVER, _SOURCE_PICO, _SERVER_PICO = (1 << bit for bit in range(6))
_TICKS_TO_1970 = (EPOCH - datetime(1601, 1, 1, tzinfo=UTC)) // MICROSECOND * 10
_TEXT, _MOMENT = ua.VariantType.String.value, ua.VariantType.DateTime.value
# Arrays of Null, with and without dimensions
_NOTHINGS = (0x80, 0xC0)
_FORMATS = {
    ua.VariantType.Null: "",
    ua.VariantType.Boolean: "?",
    ua.VariantType.SByte: "b",
    ua.VariantType.Byte: "B",
    ua.VariantType.Int16: "h",
    ua.VariantType.UInt16: "H",
    ua.VariantType.Int32: "i",
    ua.VariantType.UInt32: "I",
    ua.VariantType.Int64: "q",
    ua.VariantType.UInt64: "Q",
    ua.VariantType.Float: "f",
    ua.VariantType.Double: "d",
    ua.VariantType.DateTime: "q",
    ua.VariantType.StatusCode: "I",
}


class Unusual(ValueError):
    """Not what is read here."""


class Endless(ValueError):
    """An array of more nothings than the message has bytes: the library would make them all."""


class Changes:
    """A data change notification: its values in order."""

    __slots__ = ("items", "raw")

    def __init__(self, items: list[Change], raw: bytes = b"") -> None:
        self.items, self.raw = items, raw

    @classmethod
    def of(cls, items: Iterable[ua.MonitoredItemNotification]) -> Changes:
        """Those the library read."""
        return cls([_read_by_library(item.ClientHandle, item.Value) for item in items])

    def whole(self, change: Change) -> ua.DataValue:
        """The library's object for what was read here."""
        _, at, value, *_ = change
        return value if isinstance(value, ua.DataValue) else data_value(Buffer(self.raw, at + 4))

    def __len__(self) -> int:
        return len(self.items)


class _Layout(NamedTuple):
    """How what has a mask, and a value of one type, is read.

    ``picked``: of what was unpacked, followed by ``_MISSING``, the handle, value, status and both times.
    """

    unpack: Callable[[bytes, int], tuple[Any, ...]]
    size: int
    picked: Callable[[tuple[Any, ...]], tuple[Any, ...]]


_MISSING = (None, 0, None, None)


def _layout(mask: int, head: str, value: str) -> _Layout:
    """The order is the standard's (Table 27), in which the mask's bits are not."""
    form, found, places = f"<{head}{value}", 1, [0, -4, -3, -2, -1]
    parts = [(_STATUS, "I", 2), (_SOURCE, "q", 3), (_SOURCE_PICO, "2x", 0), (_SERVER, "q", 4)]
    if value:
        places[1], found = found, found + 1
    for bit, code, place in [*parts, (_SERVER_PICO, "2x", 0)]:
        if mask & bit:
            form += code
            if place:
                places[place], found = found, found + 1
    struct = Struct(form)
    return _Layout(struct.unpack_from, struct.size, itemgetter(*places))


# By the mask and, where there is a value, its type
_LAYOUTS = {mask << 8: _layout(mask, "Ix", "") for mask in range(0, 64, 2)} | {
    mask << 8 | kind.value: _layout(mask, "I2x", code)
    for mask in range(1, 64, 2)
    for kind, code in _FORMATS.items()
}
# What follows a text, whose last byte stands for the handle
_AFTER_TEXT = [_layout(mask, "B", "") for mask in range(64)]


async def publish(client: Client, acknowledged: list[ua.SubscriptionAcknowledgement]) -> ua.PublishResponse:
    """The library's, but for how the answer is read. Raises what the library does."""
    request = ua.PublishRequest()
    request.Parameters.SubscriptionAcknowledgements = acknowledged
    return published(await client.uaclient.session._send_request(request, timeout=0))


async def republish(client: Client, subscription: int, number: int) -> ua.NotificationMessage:
    """The library's, but for how the answer is read."""
    request = ua.RepublishRequest()
    request.Parameters.SubscriptionId = ua.IntegerId(subscription)
    request.Parameters.RetransmitSequenceNumber = ua.Counter(number)
    answer = republished(await client.uaclient.session._send_request(request))
    answer.ResponseHeader.ServiceResult.check()
    return answer.NotificationMessage


def published(data: Buffer) -> ua.PublishResponse:
    """With ``Changes`` in place of data change notifications. Raises UaStructParsingError."""
    return _read(data, _published, ua.PublishResponse)


def republished(data: Buffer) -> ua.RepublishResponse:
    """As ``published``."""
    return _read(data, _republished, ua.RepublishResponse)


def _read(data: Buffer, ours: Callable[[bytes, Buffer], T], library: type[T]) -> T:
    try:
        raw = data.copy().read(len(data))
        return ours(raw, Buffer(raw))
    except Endless as error:
        log.warning("a notification that cannot be read: %s", error)
        raise uaerrors.UaStructParsingError from error
    except Exception as error:
        log.debug("left to the library: %s", error)
    try:
        return struct_from_binary(library, data)
    except Exception as error:
        log.warning("a notification that cannot be read: %s", error)
        raise uaerrors.UaStructParsingError from error


def _published(raw: bytes, data: Buffer) -> ua.PublishResponse:
    return ua.PublishResponse(
        TypeId=from_binary(ua.NodeId, data),
        ResponseHeader=struct_from_binary(ua.ResponseHeader, data),
        Parameters=ua.PublishResult(
            SubscriptionId=from_binary("ua.IntegerId", data),
            AvailableSequenceNumbers=from_binary("list[ua.Counter]", data),
            MoreNotifications=from_binary("ua.Boolean", data),
            NotificationMessage=_message(raw, data),
            Results=from_binary("list[ua.StatusCode]", data),
            DiagnosticInfos=from_binary("list[ua.DiagnosticInfo]", data),
        ),
    )


def _republished(raw: bytes, data: Buffer) -> ua.RepublishResponse:
    return ua.RepublishResponse(
        TypeId=from_binary(ua.NodeId, data),
        ResponseHeader=struct_from_binary(ua.ResponseHeader, data),
        NotificationMessage=_message(raw, data),
    )


def _message(raw: bytes, data: Buffer) -> ua.NotificationMessage:
    return ua.NotificationMessage(
        SequenceNumber=from_binary("ua.Counter", data),
        PublishTime=from_binary("ua.UtcTime", data),
        NotificationData=_notifications(raw, data),
    )


def _notifications(raw: bytes, data: Buffer) -> Any:
    """A list, or None as the library gives it."""
    (count,) = _COUNT.unpack(data.read(_COUNT.size))
    return None if count == -1 else [_notification(raw, data) for _ in range(count)]


def _notification(raw: bytes, data: Buffer) -> Any:
    if not raw.startswith(_DATA_CHANGE, data.cur_pos):
        return extensionobject_from_binary(data)
    data.skip(len(_DATA_CHANGE))
    (size,) = _COUNT.unpack(data.read(_COUNT.size))
    begin = data.cur_pos
    if size < 0:
        raise Unusual("a body that does not say how long it is")
    data.skip(size)
    return _changes(raw, begin, begin + size)


def _changes(raw: bytes, at: int, end: int) -> Changes:
    items: list[Change] = []
    (count,) = _COUNT.unpack_from(raw, at)
    at += _COUNT.size
    layouts, missing = _LAYOUTS, _MISSING
    for _ in range(count):
        mask = raw[at + 4]
        kind = raw[at + 5] if mask & _VALUE else 0
        layout = layouts.get(mask << 8 | kind)
        if layout is None:
            item, at = _one(raw, at, end, mask, kind)
            items.append(item)
            continue
        handle, value, status, source, server = layout.picked(layout.unpack(raw, at) + missing)
        if kind == _MOMENT:
            value = aware(win_epoch_to_datetime(value)).isoformat()
        items.append((handle, at, value, status, _micros(source), _micros(server)))
        at += layout.size
    # Nothing we need; but a message that ends before them is none
    from_binary("list[ua.DiagnosticInfo]", Buffer(raw, at, max(0, end - at)))
    return Changes(items, raw)


def _one(raw: bytes, at: int, end: int, mask: int, kind: int) -> tuple[Change, int]:
    """A text, or what only the library reads; and where the next one begins."""
    (handle,) = _HANDLE.unpack_from(raw, at)
    if kind == _TEXT and mask < len(_AFTER_TEXT):
        (size,) = _COUNT.unpack_from(raw, at + 6)
        begin, after = at + 10, _AFTER_TEXT[mask]
        if -1 <= size <= MAX_TEXT:
            until = begin + max(size, 0)
            text = None if size < 0 else raw[begin:until].decode("utf-8", "surrogateescape")
            _, _, status, source, server = after.picked(after.unpack(raw, until - 1) + _MISSING)
            return (handle, at, text, status, _micros(source), _micros(server)), until - 1 + after.size
    data = Buffer(raw, at + 4, max(0, end - at - 4))
    value = data_value(data)
    if data.cur_pos <= at:
        raise Unusual("a length below zero")
    return _read_by_library(handle, value, at), data.cur_pos


def _micros(ticks: int | None) -> int:
    """Of tenths of microseconds since 1601, as the library bounds them."""
    if ticks is None:
        return NO_TIME
    if 0 <= ticks < MAX_OPC_FILETIME:
        return (ticks - _TICKS_TO_1970) // 10
    return micros(win_epoch_to_datetime(ticks))


def data_value(data: Buffer) -> ua.DataValue:
    """The library's reading but for its order: it expects picoseconds behind both times. Raises Endless."""
    head = data.copy(6).read(min(6, len(data)))
    mask = head[0]
    if mask & _VALUE and head[1] in _NOTHINGS and _COUNT.unpack_from(head, 2)[0] > len(data):
        raise Endless("an array of nothings, longer than what it came in")
    if not (mask & _SOURCE_PICO and mask & _SERVER):
        return from_binary(ua.DataValue, data)
    data.skip(1)

    def part(bit: int, kind: Any) -> Any:
        return from_binary(kind, data) if mask & bit else None

    return ua.DataValue(
        Value=part(_VALUE, ua.Variant),
        StatusCode=part(_STATUS, ua.StatusCode) or ua.StatusCode(),
        SourceTimestamp=part(_SOURCE, "ua.DateTime"),
        SourcePicoseconds=part(_SOURCE_PICO, "ua.UInt16"),
        ServerTimestamp=part(_SERVER, "ua.DateTime"),
        ServerPicoseconds=part(_SERVER_PICO, "ua.UInt16"),
    )


def _read_by_library(handle: int, data: ua.DataValue, at: int = -1) -> Change:
    status, source, server = said_of(data)
    return handle, at, data, status, source, server
