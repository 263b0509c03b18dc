"""Bodies of many samples: JSON or one sample a line, plain or gzip, unpacked only up to a bound."""

from __future__ import annotations

import zlib
from typing import Any

import orjson
from rest_framework import exceptions, parsers

# 20,000 samples of 300 bytes; JSON takes ten times as much room once it is read
LARGEST = 6 * 1024 * 1024
_GZIP = 31  # zlib's window of 15 bits, with a gzip head


class BulkJsonParser(parsers.BaseParser):
    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        try:
            return orjson.loads(plain(stream, parser_context))
        except orjson.JSONDecodeError as error:
            raise exceptions.ParseError(f"not JSON: {error}") from None


class LinesParser(parsers.BaseParser):
    """The bytes: each line is read, or refused, by itself."""

    media_type = "application/x-ndjson"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Any = None) -> Any:
        return plain(stream, parser_context)


def plain(stream: Any, parser_context: Any) -> bytes:
    """Through ``body``, which is kept: ``once`` looks at the raw bytes after they were parsed."""
    request = (parser_context or {}).get("request")
    raw: bytes = stream.read() if request is None else request._request.body
    encoding = "" if request is None else request.headers.get("Content-Encoding", "").lower()
    if encoding in ("", "identity"):
        if len(raw) > LARGEST:
            raise exceptions.ParseError(f"{len(raw)} bytes, expected at most {LARGEST}: send it in parts")
        return raw
    if encoding != "gzip":
        raise exceptions.ParseError(f"Content-Encoding: read {encoding[:40]!r}, expected gzip")
    unpacking = zlib.decompressobj(_GZIP)
    try:
        found = unpacking.decompress(raw, LARGEST + 1)
    except zlib.error as error:
        raise exceptions.ParseError(f"not gzip: {error}") from None
    if len(found) > LARGEST:
        raise exceptions.ParseError(f"more than {LARGEST} bytes when unpacked: send it in parts")
    if not unpacking.eof:
        raise exceptions.ParseError("the gzip body ends too early")
    return found
