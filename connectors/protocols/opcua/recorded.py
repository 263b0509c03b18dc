"""What a server answers about its history, straight from its bytes.

The library expects picoseconds behind both times of a value, where the standard has each behind its own
(Part 6 Table 27): a server's time that follows the picoseconds of the source would be read two bytes off.
"""

from __future__ import annotations

import logging
from struct import Struct
from typing import Any

from asyncua import Client, ua
from asyncua.common.utils import Buffer
from asyncua.ua import uaerrors
from asyncua.ua.ua_binary import extensionobject_from_binary, from_binary, struct_from_binary

from connectors.protocols.opcua.notifications import data_value

log = logging.getLogger(__name__)

_COUNT = Struct("<i")
_HISTORY_DATA = ua.ObjectIds.HistoryData_Encoding_DefaultBinary
_BODY_OF_BYTES = 1


async def history_read(client: Client, parameters: ua.HistoryReadParameters) -> list[ua.HistoryReadResult]:
    """The library's, but for how the answer is read. Raises what the library does."""
    request = ua.HistoryReadRequest()
    request.Parameters = parameters
    return recorded(await client.uaclient.session._send_request(request))


def recorded(data: Buffer) -> list[ua.HistoryReadResult]:
    """Raises UaStructParsingError, or what the server refused it with."""
    try:
        from_binary(ua.NodeId, data)
        struct_from_binary(ua.ResponseHeader, data).ServiceResult.check()
        found = [_result(data) for _ in range(_count(data))]
        # Nothing we need; but an answer that ends before them is none
        from_binary("list[ua.DiagnosticInfo]", data)
    except uaerrors.UaStatusCodeError:
        raise
    except Exception as error:
        log.warning("a history that cannot be read: %s", error)
        raise uaerrors.UaStructParsingError from error
    return found


def _result(data: Buffer) -> ua.HistoryReadResult:
    return ua.HistoryReadResult(
        StatusCode=from_binary(ua.StatusCode, data),
        ContinuationPoint=from_binary("ua.ByteString", data),
        HistoryData=_history(data),
    )


def _history(data: Buffer) -> Any:
    ahead = data.copy()
    kind = from_binary(ua.NodeId, ahead)
    if (kind.NamespaceIndex, kind.Identifier) != (0, _HISTORY_DATA) or ahead.read(1)[0] != _BODY_OF_BYTES:
        return extensionobject_from_binary(data)
    size = _COUNT.unpack(ahead.read(_COUNT.size))[0]
    if size < 0:
        raise ValueError("a body that does not say how long it is")
    body = Buffer(ahead.read(size))
    data.skip(len(data) - len(ahead))
    return ua.HistoryData(DataValues=[data_value(body) for _ in range(_count(body))])


def _count(data: Buffer) -> int:
    """Of things each of which takes a byte at least."""
    count = int(_COUNT.unpack(data.read(_COUNT.size))[0])
    if count > len(data):
        raise ValueError(f"{count} things in {len(data)} bytes")
    return max(count, 0)
