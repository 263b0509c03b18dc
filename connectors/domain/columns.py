"""Samples by column: what the hot path carries from a protocol to COPY without one object per sample.

Times are int64 microseconds since 1970-01-01 UTC; ``NO_TIME`` and ``NO_STATUS`` stand for unknown.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import blake2b

from plant.domain.samples import Quality, Sample, Value

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
NO_TIME = -(2**63)
NO_STATUS = -1
# The years 1 and 9999, which is as far as a calendar goes
EARLIEST, LATEST = -62_135_596_800_000_000, 253_402_300_799_999_999

# Flags of ``historical``: the source replays its store; it numbered the value but did not date it.
HISTORICAL, UNDATED = 1, 2
KIND_NULL, KIND_INT, KIND_FLOAT, KIND_BOOL, KIND_TEXT, KIND_UINT = range(6)

# Address, value, source's and server's time, quality, status
Row = tuple[str, Value, int, int, int, int]

_MAGIC = b"MC1"
_HEADER = struct.Struct("<3sBIII")  # magic, flags, samples, bytes of dictionaries, bytes of columns
_COMPRESSED = 1
_FLOAT = struct.Struct("<d")
_INT = struct.Struct("<q")
_LAYOUT = (
    ("address", "I"),
    ("source_time", "q"),
    ("server_time", "q"),
    ("arrival_time", "q"),
    ("quality", "B"),
    ("status", "q"),
    ("historical", "B"),
    ("kind", "B"),
    ("bits", "q"),
    ("key", "q"),
)


class DamagedColumns(ValueError):
    """The bytes are not what ``encode`` wrote."""


def micros(instant: datetime) -> int:
    return (instant - EPOCH) // MICROSECOND


def instant(value: int) -> datetime:
    return EPOCH + timedelta(microseconds=value)


def key_of(*parts: object) -> int:
    """A 64-bit key that is the same in every process (``hash()`` is not)."""
    digest = blake2b("\x1f".join(map(str, parts)).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def value_key(kind: int, bits: int, quality: int, status: int) -> int:
    """A key that differs when a number, its quality or its status differs: one multiplication, no
    collision by value.
    """
    mixed = bits * 0x9E3779B97F4A7C15 + (kind + 8 * quality + 32 * status) * 0xBF58476D1CE4E5B9
    return ((mixed + 2**63) & 0xFFFFFFFFFFFFFFFF) - 2**63


def bounded(value: Value) -> Value:
    """An integer that needs more than 64 bits raises OverflowError."""
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        raise OverflowError(f"integer {str(value)[:40]} needs more than 64 bits")
    return value


class Columns:
    """Samples of one connection, in arrival order."""

    __slots__ = (
        "_address_index",
        "_text_index",
        "address",
        "addresses",
        "arrival_time",
        "bits",
        "historical",
        "key",
        "kind",
        "quality",
        "server_time",
        "source_time",
        "status",
        "texts",
    )

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.texts: list[str] = []
        self._address_index: dict[str, int] = {}
        self._text_index: dict[str, int] = {}
        self.address = array("I")
        self.source_time = array("q")
        self.server_time = array("q")
        self.arrival_time = array("q")
        self.quality = array("B")
        self.status = array("q")
        self.historical = array("B")
        self.kind = array("B")
        self.bits = array("q")
        self.key = array("q")

    def __len__(self) -> int:
        return len(self.source_time)

    def index_of(self, address: str) -> int:
        found = self._address_index.get(address)
        if found is None:
            found = self._address_index[address] = len(self.addresses)
            self.addresses.append(address)
        return found

    def _text(self, text: str) -> int:
        found = self._text_index.get(text)
        if found is None:
            found = self._text_index[text] = len(self.texts)
            self.texts.append(text)
        return found

    def packed(self, value: Value) -> tuple[int, int]:
        """(kind, bits) of a value; an integer that needs more than 64 bits raises OverflowError."""
        cls = value.__class__
        if cls is float:
            return KIND_FLOAT, _INT.unpack(_FLOAT.pack(value))[0]  # type: ignore[arg-type]
        if cls is int:
            if -(2**63) <= value < 2**63:  # type: ignore[operator]
                return KIND_INT, value  # type: ignore[return-value]
            return KIND_UINT, bounded(value) - 2**64  # type: ignore[return-value,operator]
        if cls is bool:
            return KIND_BOOL, int(value)  # type: ignore[arg-type]
        if value is None:
            return KIND_NULL, 0
        return KIND_TEXT, self._text(str(value).replace("\x00", "\N{SYMBOL FOR NULL}"))

    def add(
        self,
        address: str,
        value: Value,
        *,
        source_time: int,
        arrival_time: int,
        server_time: int = NO_TIME,
        quality: int = 0,
        status: int = NO_STATUS,
        historical: int = 0,
        key: int | None = None,
    ) -> None:
        """Without a key of the source's own, two values of one instant are told apart by what they say."""
        kind, bits = self.packed(value)
        if key is None:
            said = key_of(self.texts[bits]) if kind == KIND_TEXT else bits
            key = value_key(kind, said, quality, status)
        self.address.append(self.index_of(address))
        self.source_time.append(source_time)
        self.server_time.append(server_time)
        self.arrival_time.append(arrival_time)
        self.quality.append(quality)
        self.status.append(status)
        self.historical.append(historical)
        self.kind.append(kind)
        self.bits.append(bits)
        self.key.append(key)

    def add_rows(self, rows: Sequence[Row], arrival_time: int, historical: int = 0) -> None:
        """As ``add`` of each, in a third of the time; either all of them or, where it raises, none."""
        if not rows:
            return
        kinds, bits = array("B"), array("q")
        keys = []
        for _, value, _, _, quality, status in rows:
            kind, said = self.packed(value)
            kinds.append(kind)
            bits.append(said)
            keys.append(
                value_key(kind, key_of(self.texts[said]) if kind == KIND_TEXT else said, quality, status)
            )
        self.kind.extend(kinds)
        self.bits.extend(bits)
        self.key.extend(keys)
        self.address.extend([self.index_of(row[0]) for row in rows])
        self.source_time.extend([row[2] for row in rows])
        self.server_time.extend([row[3] for row in rows])
        self.quality.extend([row[4] for row in rows])
        self.status.extend([row[5] for row in rows])
        self.arrival_time.extend([arrival_time] * len(rows))
        self.historical.extend([historical] * len(rows))

    def add_sample(self, sample: Sample, *, arrival_time: int) -> None:
        self.add(
            sample.address,
            sample.value,
            source_time=micros(sample.source_time),
            arrival_time=arrival_time,
            server_time=NO_TIME if sample.server_time is None else micros(sample.server_time),
            quality=int(sample.quality),
            status=NO_STATUS if sample.status_code is None else sample.status_code,
            historical=sample.historical,
            key=key_of(sample.source_key.hex()) if sample.source_key else None,
        )

    def extend(self, **columns: bytes) -> None:
        """Many rows at once: of every column its bytes, as an array of it has them in memory."""
        for name, _ in _LAYOUT:
            getattr(self, name).frombytes(columns[name])

    def value(self, row: int) -> Value:
        kind, bits = self.kind[row], self.bits[row]
        if kind == KIND_INT:
            return bits
        if kind == KIND_FLOAT:
            return float(_FLOAT.unpack(_INT.pack(bits))[0])
        if kind == KIND_BOOL:
            return bool(bits)
        if kind == KIND_TEXT:
            return self.texts[bits]
        return bits + 2**64 if kind == KIND_UINT else None

    def sample(self, row: int) -> Sample:
        server, status = self.server_time[row], self.status[row]
        return Sample(
            address=self.addresses[self.address[row]],
            source_time=instant(self.source_time[row]),
            value=self.value(row),
            server_time=None if server == NO_TIME else instant(server),
            quality=Quality(self.quality[row]),
            status_code=None if status == NO_STATUS else status,
            historical=bool(self.historical[row] & HISTORICAL),
            source_key=self.key[row].to_bytes(8, "big", signed=True),
        )

    def __iter__(self) -> Iterator[Sample]:
        return (self.sample(row) for row in range(len(self)))

    def take(self, rows: Iterable[int]) -> Columns:
        """The given rows, with dictionaries of their own."""
        taken = Columns()
        for row in rows:
            kind, bits = self.kind[row], self.bits[row]
            taken.address.append(taken.index_of(self.addresses[self.address[row]]))
            taken.kind.append(kind)
            taken.bits.append(taken._text(self.texts[bits]) if kind == KIND_TEXT else bits)
            for name in (
                "source_time",
                "server_time",
                "arrival_time",
                "quality",
                "status",
                "historical",
                "key",
            ):
                getattr(taken, name).append(getattr(self, name)[row])
        return taken

    @classmethod
    def of(cls, samples: Iterable[Sample], *, arrival_time: int) -> Columns:
        columns = cls()
        for sample in samples:
            columns.add_sample(sample, arrival_time=arrival_time)
        return columns


def encode(columns: Columns, *, compress: bool = False) -> bytes:
    dictionaries = json.dumps([columns.addresses, columns.texts], separators=(",", ":")).encode()
    body = b"".join(_little(getattr(columns, name)).tobytes() for name, _ in _LAYOUT)
    payload = dictionaries + body
    flags = _COMPRESSED if compress else 0
    header = _HEADER.pack(_MAGIC, flags, len(columns), len(dictionaries), len(body))
    return header + (zlib.compress(payload, 1) if compress else payload)


def decode(raw: bytes) -> Columns:
    try:
        return _decode(raw)
    except (struct.error, zlib.error, ValueError, IndexError, TypeError, RecursionError) as error:
        raise DamagedColumns(f"{len(raw)} bytes: {error}") from error


def _decode(raw: bytes) -> Columns:
    magic, flags, count, dictionary_size, body_size = _HEADER.unpack_from(raw)
    if magic != _MAGIC:
        raise ValueError(f"begins with {magic!r}, expected {_MAGIC!r}")
    payload = raw[_HEADER.size :]
    if flags & _COMPRESSED:
        payload = zlib.decompressobj().decompress(payload, dictionary_size + body_size + 1)
    if len(payload) != dictionary_size + body_size:
        raise ValueError(f"{len(payload)} bytes, expected {dictionary_size + body_size}")
    columns = Columns()
    columns.addresses, columns.texts = json.loads(payload[:dictionary_size])
    offset = dictionary_size
    for name, code in _LAYOUT:
        column = array(code)
        size = count * column.itemsize
        column.frombytes(payload[offset : offset + size])
        setattr(columns, name, _little(column))
        offset += size
    if offset != len(payload):
        raise ValueError("columns of unequal length")
    _check(columns)
    columns._address_index = {address: index for index, address in enumerate(columns.addresses)}
    columns._text_index = {text: index for index, text in enumerate(columns.texts)}
    return columns


def _check(columns: Columns) -> None:
    """Bytes of the right number may still be no samples. Raises ValueError, TypeError."""
    "".join(columns.addresses + columns.texts)
    if not len(columns):
        return
    if max(columns.address) >= len(columns.addresses) or max(columns.kind) > KIND_UINT:
        raise ValueError("an address or a kind of value that is none")
    if KIND_TEXT in columns.kind:
        known = range(len(columns.texts))
        said = zip(columns.kind, columns.bits, strict=True)
        if any(kind == KIND_TEXT and bits not in known for kind, bits in said):
            raise ValueError("a text that is none")
    if max(columns.quality) > Quality.BAD or min(columns.status) < NO_STATUS:
        raise ValueError("a quality or a status that is none")
    for times in (columns.source_time, columns.arrival_time):
        if not EARLIEST <= min(times) <= max(times) <= LATEST:
            raise ValueError("a time outside the years 1 to 9999")


def _little(column: array[int]) -> array[int]:
    if sys.byteorder == "little":
        return column
    swapped = array(column.typecode, column)
    swapped.byteswap()
    return swapped
