"""Readers of files and bodies: HTTP samples, CSV and Parquet rows, spool records, packed history."""

from __future__ import annotations

import base64
import gzip
import json
import random
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import orjson
from rest_framework import exceptions

from connectors import tasks
from connectors.api.bulk import BulkJsonParser, LinesParser
from connectors.domain.columns import NO_TIME, Columns, encode
from connectors.domain.outage import GapRecord
from connectors.domain.wire import Unread, gap_to_json
from connectors.interface import ConfigurationError, SampleBatch, Unavailable
from connectors.protocols.files import FilesConfig, FilesConnector, Row
from connectors.selectors import codec
from connectors.services import posting
from tests.chaos import mutate
from tests.chaos.readers_messages import cases, settings, wild_instant
from tests.chaos.reading import ARRIVAL, NOW, Reader, Reading, of_batch

# -- HTTP -------------------------------------------------------------------------------------------------

_SAMPLES = [
    {"address": "M1/count", "source_time": "2026-03-02T11:00:00Z", "value": 12},
    {"address": "M1/speed", "source_time": "2026-03-02T12:00:00.5+01:00", "value": 1.5, "quality": "bad"},
    {"address": "M1/text", "source_time": "2026-03-02T11:00:01Z", "value": "é\n", "status_code": 2150891520},
    {"address": "M1/on", "source_time": "2026-03-02T11:00:02Z", "value": True, "historical": True},
]
HTTP_BODY = json.dumps(
    {"connection": "fuzz", "samples": _SAMPLES, "watermark": "2026-03-02T11:00:00Z"}
).encode()
HTTP_LINES = b"\n".join(json.dumps(one).encode() for one in _SAMPLES)


@dataclass(frozen=True)
class _Stream:
    """What a parser asks of a request."""

    raw: bytes
    encoding: str

    @property
    def body(self) -> bytes:
        return self.raw

    @property
    def _request(self) -> _Stream:
        return self

    @property
    def headers(self) -> dict[str, str]:
        return {"Content-Encoding": self.encoding}


def _http_make(dice: random.Random) -> tuple[bool, _Stream]:
    lines = dice.random() < 0.5
    raw = mutate.mutated(dice, [HTTP_LINES if lines else HTTP_BODY])
    kind = dice.randrange(20)
    if kind == 0:
        raw = gzip.compress(raw * dice.choice((1, 1000)), mtime=0)[: mutate.LARGEST]
    elif kind == 1:
        raw = mutate.mutated(dice, [gzip.compress(raw, 1, mtime=0)], binary=True)
    return lines, _Stream(raw, "gzip" if kind < 2 else dice.choice(("", "", "", "br")))


def _http_begin(made: tuple[bool, _Stream]) -> Callable[[], Reading]:
    lines, stream = made
    parser = LinesParser() if lines else BulkJsonParser()

    def read() -> Reading:
        try:
            body = parser.parse(None, None, {"request": stream})
            if lines:
                samples, refused = posting.lines_of(body, now=NOW)
                unread = [Unread(f"line {r.line}", r.reason, r.raw, NOW) for r in refused]
                told = [(f"line {r.line}", r.reason) for r in refused]
                return Reading(len(samples), told, samples, unread)
            if not isinstance(body, dict) or not body.keys() >= {"samples", "connection"}:
                return Reading(refused=[("body", "expected an object with connection, samples")])
            if (said := body.get("watermark")) is not None:
                posting.instant_of(said)
            samples = posting.columns_of(body["samples"], now=NOW)
            return Reading(len(samples), samples=samples)
        except (posting.BadSamples, exceptions.ParseError) as error:
            return Reading(refused=[("body", str(error))])

    return read


# A file is read in parts of 5,000 rows, of which this is about one
LARGEST_FILE = 48 * 1024


# -- files ------------------------------------------------------------------------------------------------


@cache
def _folder() -> Path:
    # In memory: what is measured is the reading
    place = "/dev/shm" if Path("/dev/shm").is_dir() else None
    return Path(tempfile.mkdtemp(prefix="mom fuzz ", dir=place))


def _csv_make(dice: random.Random) -> tuple[Path, bytes]:
    case = dice.choice(cases("files"))
    return case, mutate.mutated(dice, [(case / "input.csv").read_bytes()], largest=LARGEST_FILE)


def _csv_begin(made: tuple[Path, bytes]) -> Callable[[], Reading]:
    case, raw = made
    path = _folder() / "input.csv"
    path.write_bytes(raw)
    files = FilesConnector(FilesConfig.from_mapping({**settings(case), "path": str(path)}))

    def read() -> Reading:
        reading = Reading()
        try:
            for batch in files.read():
                found = of_batch(batch.samples, batch.malformed)
                reading.taken += found.taken
                reading.refused += found.refused
                reading.unread += found.unread
                reading.samples = found.samples
        except (Unavailable, ConfigurationError) as error:
            reading.refused.append((path.name, str(error)))
        return reading

    return read


def _rows_make(dice: random.Random) -> list[Row]:
    """Rows of a Parquet file, as its library gives them: any kind in any column."""

    def cell() -> Any:
        return dice.choice(
            (None, mutate.text(dice), mutate.number(dice), wild_instant(dice), True, b"\xff", [1], {"a": 1})
        )

    columns = {"source_time": NOW, "address": "M1/count", "value": 5, "quality": "good"}
    changed = [{**columns, dice.choice(list(columns)): cell()} for _ in range(dice.choice((1, 5)))]
    return [
        Row(number, cells, repr(cells).encode("utf-8", "replace")) for number, cells in enumerate(changed, 1)
    ]


def _rows_begin(rows: list[Row]) -> Callable[[], Reading]:
    files = FilesConnector(FilesConfig(path="history.parquet"))

    def read() -> Reading:
        found = SampleBatch()
        for row in rows:
            files._add(row, found)
        return of_batch(found.samples, found.malformed)

    return read


# -- spool and packed history -------------------------------------------------------------------------------


@cache
def _spooled() -> tuple[list[bytes], list[bytes]]:
    """Golden columns, plain and compressed, and what goes with them."""
    columns = Columns()
    for number in range(40):
        value: Any = (number, 1.5 * number, number % 2 == 0, "ran", None, 2**64 - 1)[number % 6]
        columns.add(f"M1/{number % 3}", value, source_time=ARRIVAL + number, arrival_time=ARRIVAL + number)
    gap = GapRecord(key=uuid.UUID(int=7), cause="connection_down", start_time=NOW, end_time=NOW, scope="M1")
    unread = [["M1", "not JSON", base64.b64encode(b"{").decode(), NOW.isoformat()]]
    notices = [["born", "M1", ARRIVAL, 1, 2, "told"]]
    extras = {"values": 41, "gaps": [gap_to_json(gap)], "unread": unread, "notices": notices}
    return [encode(columns), encode(columns, compress=True)], [json.dumps(extras).encode(), b'{"values":40}']


def _spool_make(dice: random.Random) -> tuple[bytes, bytes]:
    blobs, extras = _spooled()
    if dice.random() < 0.5:
        return mutate.mutated(dice, blobs, binary=True), dice.choice(extras)
    return dice.choice(blobs), mutate.mutated(dice, extras)


def _spool_begin(made: tuple[bytes, bytes]) -> Callable[[], Reading]:
    blob, extras = made
    try:
        said = orjson.loads(extras)
    except ValueError:
        said = {}  # the runner reads this text before it sends it

    def read() -> Reading:
        found = tasks._delivery(uuid.UUID(int=1), 1, base64.b64encode(blob).decode(), said)
        # What a connector could not read is only carried here
        refused = [(one.source, one.reason) for one in found.unread if one.source == "spool"]
        reading = Reading(len(found.samples) + len(found.unread), refused, found.samples, list(found.unread))
        reading.gaps, reading.notices = list(found.gaps), list(found.notices)
        return reading

    return read


@cache
def _packed() -> list[bytes]:
    found, series = list[bytes](), cast(Any, codec.Series)
    for floats in (False, True):
        rows = np.arange(200, dtype=np.int64)
        values = (rows * 0.1).view(np.int64) if floats else rows * 3
        kind = np.full(200, 2 if floats else 1, np.int64)
        kind[::50] = 1 if floats else 4
        values[kind == 4] = 0
        zero = rows * 0
        columns: Any = (
            rows * 10**6,
            zero + NO_TIME,
            rows * 10**6 + 20_000,
            zero,
            zero - 1,
            zero,
            kind,
            values,
        )

        found.append(codec.pack(series(*columns, rows * 7919, zero + 3, zero + 1, ["ran"])))
    # One value: every column says its one number and how often
    found.append(codec.pack(series(*(np.arange(1, dtype=np.int64) for _ in codec.COLUMNS))))
    return found


def _segment_begin(raw: bytes) -> Callable[[], Reading]:
    def read() -> Reading:
        try:
            series = codec.unpack(raw)
        except codec.DamagedSegment as error:
            return Reading(refused=[("segment", str(error))])
        return Reading(taken=len(series))

    return read


def _no_rows(made: tuple[Path, bytes]) -> bool:
    """Rows without anything but their time, in a file of one row an instant, have no values."""
    case, raw = made
    separator = settings(case).get("separator", ",").encode()
    filled = [[cell for cell in line.split(separator) if cell.strip(b' "')] for line in raw.splitlines()[1:]]
    return not any(len(cells) > 1 for cells in filled)


def _never(_: Any) -> bool:
    return False


READERS = [
    Reader(
        "http",
        _http_make,
        _http_begin,
        lambda made: not made[1].raw.strip(b" \t\r\n") or b"[]" in made[1].raw,
    ),
    Reader("csv", _csv_make, _csv_begin, _no_rows),
    Reader("rows", _rows_make, _rows_begin, _never),
    Reader("spool", _spool_make, _spool_begin, lambda made: made[0][4:8] == bytes(4)),
    Reader(
        "segment",
        lambda dice: mutate.mutated(dice, _packed(), binary=True),
        _segment_begin,
        lambda raw: raw[3:7] == bytes(4),
    ),
]
