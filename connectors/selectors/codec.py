"""Samples of one signal as a few hundred bytes and back, bit by bit: columns of integers, each as the
differences that compress best. numpy and zlib alone.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from connectors.domain.columns import KIND_FLOAT, KIND_TEXT, key_of

Array = npt.NDArray[Any]
CODEC = 1
_MAGIC = b"MS1"
_HEADER = struct.Struct("<3sII")  # magic, samples, bytes of texts
_COLUMN = struct.Struct("<BBI")  # transformation, width of a number, bytes
_WHOLE = struct.Struct("<q")
_CONSTANT, _RAW, _DELTA, _DELTA2, _XOR, _DICTIONARY, _SCALED = range(7)
# What a segment may say it holds; compaction cuts them long before
MOST = 262_144
_TRIED = 4096
_LEVEL = 1  # a twentieth more room than at 6, in half the time
_SCALES = (1, 10, 100, 1000, 10_000)
COLUMNS = (
    "source_time",
    "server_time",
    "arrival_time",
    "quality",
    "status",
    "historical",
    "kind",
    "bits",
    "key",
    "equipment_id",
    "site_id",
)


class DamagedSegment(ValueError):
    """The bytes are not what ``pack`` wrote."""


@dataclass(frozen=True)
class Series:
    """Samples of one signal as int64 columns (``connectors.domain.columns`` says what they hold), ordered by
    source time, server time and key; ``bits`` of a text is its place in ``texts``.
    """

    source_time: Array
    server_time: Array
    arrival_time: Array
    quality: Array
    status: Array
    historical: Array
    kind: Array
    bits: Array
    key: Array
    equipment_id: Array
    site_id: Array
    texts: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.source_time)

    def take(self, rows: Any) -> Series:
        """Some rows, by mask, places or slice; texts stay as they are."""
        return Series(**{name: getattr(self, name)[rows] for name in COLUMNS}, texts=self.texts)


def in_order(series: Series) -> Series:
    """No server time comes first, as in the database."""
    return series.take(np.lexsort((series.key, series.server_time, series.source_time)))


def joined(parts: list[Series]) -> Series:
    if len(parts) == 1:
        return parts[0]
    texts: list[str] = []
    bits = []
    for part in parts:
        bits.append(np.where(part.kind == KIND_TEXT, part.bits + len(texts), part.bits))
        texts += part.texts
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS}
    return Series(**{**columns, "bits": np.concatenate(bits)}, texts=texts)


def pack(series: Series) -> bytes:
    series = _own_texts(series)
    texts = zlib.compress(json.dumps(series.texts).encode(), 6) if series.texts else b""
    with np.errstate(over="ignore"):
        late, served = series.arrival_time - series.source_time, series.server_time - series.source_time
        parts = [
            _packed(series.source_time),
            _shorter(series.server_time, served),
            _shorter(series.arrival_time, late),
            *(_packed(getattr(series, name)) for name in ("quality", "status", "historical", "kind")),
            _packed(series.bits, floats=bool((series.kind == KIND_FLOAT).all())),
            _packed(series.key ^ _usual_keys(series)),
            _packed(series.equipment_id),
            _packed(series.site_id),
        ]
    return _HEADER.pack(_MAGIC, len(series), len(texts)) + texts + b"".join(parts)


def unpack(raw: bytes) -> Series:
    try:
        return _unpack(raw)
    except (
        struct.error,
        zlib.error,
        ValueError,
        LookupError,
        TypeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise DamagedSegment(f"{len(raw)} bytes: {error}") from error


def pack_instants(times: Array) -> bytes:
    """Whole numbers in rising order."""
    return _WHOLE.pack(len(times)) + _packed(times)


def unpack_instants(raw: bytes) -> Array:
    return _Reader(raw, _WHOLE.size, int(_WHOLE.unpack_from(raw)[0])).column()


def _unpack(raw: bytes) -> Series:
    magic, count, size = _HEADER.unpack_from(raw)
    if magic != _MAGIC:
        raise ValueError(f"begins with {magic!r}, expected {_MAGIC!r}")
    if count > MOST:
        raise ValueError(f"{count} samples, expected at most {MOST}")
    at = _HEADER.size
    texts = json.loads(zlib.decompress(raw[at : at + size])) if size else []
    reader = _Reader(raw, at + size, count)
    with np.errstate(over="ignore"):
        source = reader.column()
        server = reader.either(source)
        arrival = reader.either(source)
        quality, status, historical, kind, bits, key = (reader.column() for _ in range(6))
        found = Series(
            source,
            server,
            arrival,
            quality,
            status,
            historical,
            kind,
            bits,
            key,
            reader.column(),
            reader.column(),
            texts,
        )
        return Series(**{**found.__dict__, "key": key ^ _usual_keys(found)})


def _own_texts(series: Series) -> Series:
    """Without texts of other rows; one place for each."""
    rows = series.kind == KIND_TEXT
    if not rows.any():
        return Series(**{**series.__dict__, "texts": []})
    used, places = np.unique(series.bits[rows], return_inverse=True)
    bits = series.bits.copy()
    bits[rows] = places
    return Series(**{**series.__dict__, "bits": bits, "texts": [series.texts[place] for place in used]})


def _usual_keys(series: Series) -> Array:
    """``value_key`` of every row: where the source gave no key of its own, nothing has to be kept."""
    said = series.bits.view(np.uint64).copy()
    rows = series.kind == KIND_TEXT
    if rows.any():
        hashed = np.array([key_of(text) for text in series.texts], np.int64)
        said[rows] = hashed[series.bits[rows]].view(np.uint64)
    told = (series.kind + 8 * series.quality + 32 * series.status).view(np.uint64)
    mixed = said * np.uint64(0x9E3779B97F4A7C15) + told * np.uint64(0xBF58476D1CE4E5B9)
    return mixed.view(np.int64)


# -- one column ---------------------------------------------------------------------------------------------


def _shorter(values: Array, other: Array) -> bytes:
    own, relative = _packed(values), _packed(other)
    return b"\0" + own if len(own) <= len(relative) else b"\1" + relative


def _packed(values: Array, *, floats: bool = False) -> bytes:
    values = np.ascontiguousarray(values, np.int64)
    if not len(values) or (values == values[0]).all():
        constant = _WHOLE.pack(int(values[0])) if len(values) else b""
        return _COLUMN.pack(_CONSTANT, 8, len(constant)) + constant
    if floats and (scaled := _scaled(values)) is not None:
        place, whole = scaled
        body = bytes([place]) + _packed(whole)
        return _COLUMN.pack(_SCALED, 8, len(body)) + body
    tried = values[:_TRIED]
    kinds = (_XOR, _RAW, _DELTA) if floats else (_DELTA, _DELTA2, _RAW)
    sizes = {kind: len(_squeezed(_TRANSFORM[kind](tried), 1)[1]) for kind in kinds}
    kind = min(kinds, key=sizes.__getitem__)
    width, body = _squeezed(_TRANSFORM[kind](values), _LEVEL)
    listed = _listed(values) if floats and len(body) > 2 * len(values) else None
    if listed is not None and len(listed) < len(body):
        return _COLUMN.pack(_DICTIONARY, 8, len(listed)) + listed
    return _COLUMN.pack(kind, width, len(body)) + body


def _scaled(values: Array) -> tuple[int, Array] | None:
    """Numbers with few decimals as whole ones, where that gives back every bit."""
    numbers = values.view(np.float64)
    if not np.isfinite(numbers).all() or np.abs(numbers).max() > 2**50:
        return None
    for place, scale in enumerate(_SCALES):
        whole = np.rint(numbers * scale)
        if (np.abs(whole) < 2**53).all() and ((whole / scale).view(np.int64) == values).all():
            return place, whole.astype(np.int64)
    return None


def _listed(values: Array) -> bytes | None:
    """Few different values: each once, and which of them."""
    used, places = np.unique(values, return_inverse=True)
    if len(used) > min(len(values) // 2, 65_536):
        return None
    first = _packed(used)
    return _WHOLE.pack(len(used)) + _WHOLE.pack(len(first)) + first + _packed(places)


def _squeezed(numbers: Array, level: int) -> tuple[int, bytes]:
    """Unsigned numbers in as few bytes as the largest needs, first all lowest bytes, then the next."""
    highest = int(numbers.max())
    width = next(size for size in (1, 2, 4, 8) if highest < 1 << 8 * size)
    narrow = np.ascontiguousarray(numbers.astype(f"<u{width}"))
    planes = np.ascontiguousarray(narrow.view(np.uint8).reshape(-1, width).T)
    return width, zlib.compress(planes.tobytes(), level)


def _zigzag(differences: Array) -> Array:
    signed = differences.view(np.int64)
    return ((signed << 1) ^ (signed >> 63)).view(np.uint64)


def _unzigzag(numbers: Array) -> Array:
    return (numbers >> np.uint64(1)) ^ (~(numbers & np.uint64(1)) + np.uint64(1))


def _delta(values: Array) -> Array:
    return _zigzag(np.diff(values.view(np.uint64), prepend=np.uint64(0)))


def _delta2(values: Array) -> Array:
    once = np.diff(values.view(np.uint64), prepend=np.uint64(0))
    return _zigzag(np.diff(once, prepend=np.uint64(0)))


def _xor(values: Array) -> Array:
    whole = values.view(np.uint64)
    return whole ^ np.concatenate((np.zeros(1, np.uint64), whole[:-1]))


_TRANSFORM: dict[int, Callable[[Array], Array]] = {
    _RAW: lambda values: _zigzag(values),
    _DELTA: _delta,
    _DELTA2: _delta2,
    _XOR: _xor,
}
_BACK: dict[int, Callable[[Array], Array]] = {
    _RAW: _unzigzag,
    _DELTA: lambda numbers: np.cumsum(_unzigzag(numbers), dtype=np.uint64),
    _DELTA2: lambda numbers: np.cumsum(np.cumsum(_unzigzag(numbers), dtype=np.uint64), dtype=np.uint64),
    _XOR: lambda numbers: np.bitwise_xor.accumulate(numbers),
}


class _Reader:
    """Columns one after the other."""

    def __init__(self, raw: bytes, at: int, count: int) -> None:
        self._raw, self._at, self._count = raw, at, count

    def either(self, source: Array) -> Array:
        relative = self._raw[self._at]
        self._at += 1
        values = self.column()
        return values + source if relative else values

    def column(self) -> Array:
        kind, width, size = _COLUMN.unpack_from(self._raw, self._at)
        self._at += _COLUMN.size
        body = self._raw[self._at : self._at + size]
        self._at += size
        return _column(kind, width, body, self._count)


def _column(kind: int, width: int, body: bytes, count: int) -> Array:
    if kind == _CONSTANT:
        return np.full(count, _WHOLE.unpack(body)[0] if body else 0, np.int64)
    if kind == _SCALED:
        whole = _Reader(body, 1, count).column()
        return (whole / _SCALES[body[0]]).view(np.int64)
    if kind == _DICTIONARY:
        used, size = _WHOLE.unpack_from(body)[0], _WHOLE.unpack_from(body, 8)[0]
        if not 0 <= used <= count:
            raise ValueError(f"{used} different numbers among {count}")
        values = _Reader(body, 16, used).column()
        found: Array = values[_Reader(body, 16 + size, count).column()]
        return found
    if kind not in _BACK or width not in (1, 2, 4, 8):
        raise ValueError(f"a column of kind {kind} and width {width}")
    # No more than is wanted: what was damaged may unpack to anything
    planes = np.frombuffer(zlib.decompressobj().decompress(body, count * width + 1), np.uint8).reshape(
        width, -1
    )
    numbers = np.ascontiguousarray(planes.T).view(f"<u{width}").reshape(-1).astype(np.uint64)
    if len(numbers) != count:
        raise ValueError(f"{len(numbers)} numbers in a column, expected {count}")
    return _BACK[kind](numbers).view(np.int64)
