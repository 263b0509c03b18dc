"""History from files: CSV, and Parquet where pyarrow is installed.

Either one row a value (columns for address, time and value) or one row an instant (a column for the time,
every other column an address). Months of it go through the same ingest as live values, marked as history.
"""

from __future__ import annotations

import asyncio
import contextlib
import csv
import importlib
import math
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from connectors.domain.columns import HISTORICAL, Columns, instant, micros
from connectors.domain.phrase import late
from connectors.interface import (
    ConfigurationError,
    ConnectorConfig,
    Malformed,
    Probe,
    SampleBatch,
    Unavailable,
    option,
)
from plant.domain.samples import Value

ROWS = 5000
LONGEST, DIGITS = 10_000, 100
QUALITIES = {"": 0, "good": 0, "uncertain": 1, "bad": 2, "0": 0, "1": 1, "2": 2}
# One way to read every text: two ways to divide the digits would take the square of their number
_NUMBER = re.compile(r"[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]{1,3})?", re.ASCII)
_WORDS: dict[str, Value] = {"": None, "null": None, "true": True, "false": False}


@dataclass(frozen=True, kw_only=True)
class FilesConfig(ConnectorConfig):
    """``value`` empty: one row an instant, each other column an address."""

    path: str = option(label=late("File"), help=late("A .csv or .parquet file on the runner's machine."))
    time: str = option("source_time", label=late("Column of the time"), help=late("ISO 8601 or seconds."))
    address: str = option("address", label=late("Column of the address"), help=late("If a row is one value."))
    value: str = option(
        "value", label=late("Column of the value"), help=late("Empty: every other column is an address.")
    )
    quality: str = option("quality", label=late("Column of the quality"), help=late("May be missing."))
    zone: str = option("", label=late("Time zone"), help=late("Of times without an offset; empty = refused."))
    separator: str = option(",", label=late("Separator"), help=late("Between the columns of a CSV file."))
    decimal: str = option(".", label=late("Decimal sign"), help=late("Point or comma."))
    rename: dict[str, Any] | None = option(  # noqa: RUF009
        None, label=late("Names"), help=late("Name in the file = address of the signal.")
    )


@dataclass(frozen=True, slots=True)
class Row:
    """``number``: its line, the heading being line 1 (a Parquet file has none: rows from 1).

    ``problem``: why its cells belong to no columns.
    """

    number: int
    cells: Mapping[str, Any]
    raw: bytes
    problem: str = ""


class FilesConnector:
    """Reads the file once, from its first row; what is stored already is known by its key."""

    slug: ClassVar[str] = "files"
    name: ClassVar[str] = "CSV, Parquet"
    config_class: ClassVar[type[ConnectorConfig]] = FilesConfig

    def __init__(self, config: FilesConfig) -> None:
        if Path(config.path).suffix not in (".csv", ".parquet"):
            text = late("path: expected a .csv or .parquet file, read %(read)r")
            raise ConfigurationError(text, read=config.path)
        if len(config.separator) != 1 or config.decimal not in ".," or config.decimal == config.separator:
            raise ConfigurationError(late("separator and decimal sign: expected two different characters"))
        self._config = config
        self._zone = zone_of(config.zone)
        self._rename: Mapping[str, Any] = config.rename or {}

    async def probe(self) -> Probe:
        batch = await asyncio.to_thread(lambda: next(self.read(rows=20), SampleBatch()))
        if batch.malformed and not len(batch.samples):
            raise Unavailable("%(why)s", why=batch.malformed[0].reason)
        return Probe(server=Path(self._config.path).name, samples=tuple(batch.samples))

    async def batches(self) -> AsyncIterator[SampleBatch]:
        read = self.read()
        while (batch := await asyncio.to_thread(next, read, None)) is not None:
            yield batch
        await asyncio.Event().wait()  # nothing more comes; the connection stays as it is

    async def acknowledge(self, batch: SampleBatch) -> None:
        """A file keeps what it has."""

    def read(self, *, skip: int = 0, rows: int = ROWS) -> Iterator[SampleBatch]:
        """Batches of ``rows`` rows, without the first ``skip`` batches; ``token``: rows read so far.

        Raises Unavailable when the file cannot be read at all.
        """
        try:
            batch, number = SampleBatch(), 0
            for row in self._rows(skip * rows):
                self._add(row, batch)
                number += 1
                if number == rows:
                    batch.token, batch.messages = skip * rows + number, number
                    yield batch
                    skip, batch, number = skip + 1, SampleBatch(), 0
            if number:
                batch.token, batch.messages = skip * rows + number, number
                yield batch
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise Unavailable("%(path)s: %(why)s", path=self._config.path, why=str(error)) from error

    def rows_in_all(self) -> int:
        """For a progress bar: what a Parquet file says of itself; lines of a CSV file less its heading (some
        more than its rows where a quoted cell holds some). Raises Unavailable.
        """
        if self._config.path.endswith(".parquet"):
            return int(self._parquet().metadata.num_rows)
        try:
            with Path(self._config.path).open("rb") as file:
                parts = iter(lambda: file.read(1 << 20), b"")
                lines, last = 0, b"\n"
                for part in parts:
                    lines, last = lines + part.count(b"\n"), part[-1:]
        except OSError as error:
            raise Unavailable("%(path)s: %(why)s", path=self._config.path, why=str(error)) from error
        return max(lines - (last == b"\n"), 0)

    def _rows(self, skip: int) -> Iterator[Row]:
        if self._config.path.endswith(".parquet"):
            return self._parquet_rows(skip)
        return self._csv_rows(skip)

    def _csv_rows(self, skip: int) -> Iterator[Row]:
        with Path(self._config.path).open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, delimiter=self._config.separator)
            heading = next(reader, [])
            if any("\n" in name for name in heading):
                raise csv.Error(
                    "line 1: a quote that is opened in the heading and not closed takes rows with it"
                )
            self._check(heading)
            # An empty line is no row, here as where rows are counted into batches
            for number, cells in enumerate(filter(None, reader)):
                if number >= skip:
                    raw = self._config.separator.join(cells).encode()
                    named, wrong = dict(zip(heading, cells, strict=False)), ""
                    if len(cells) != len(heading):
                        wrong = f"{len(cells)} columns, expected {len(heading)}"
                    yield Row(reader.line_num, named, raw, wrong)

    def _parquet_rows(self, skip: int) -> Iterator[Row]:
        file = self._parquet()
        with _damage_told(self._config.path):
            known = in_microseconds(file.schema_arrow)
        self._check(known.names)
        with _damage_told(self._config.path):
            number, groups = groups_after(file.metadata, skip)
            for part in file.iter_batches(batch_size=ROWS, row_groups=groups):
                if number + len(part) > skip:
                    for offset, cells in enumerate(part.cast(known, safe=False).to_pylist()):
                        if number + offset >= skip:
                            yield Row(number + offset + 1, cells, str(cells).encode())
                number += len(part)

    def _parquet(self) -> Any:
        """Nothing read yet but what it says of itself. Raises ConfigurationError, Unavailable."""
        try:
            parquet = importlib.import_module("pyarrow.parquet")
        except ImportError as error:
            text = late("Parquet files need pyarrow: pip install 'mom[parquet]'")
            raise ConfigurationError(text) from error
        with _damage_told(self._config.path):
            return parquet.ParquetFile(self._config.path)

    def _check(self, heading: list[str]) -> None:
        config = self._config
        wanted = [config.time, config.address, config.value] if config.value else [config.time]
        missing = [name for name in wanted if name not in heading]
        if missing:
            text = late("%(path)s: no column %(name)r; it has %(known)s")
            known = ", ".join(heading)[:300]
            raise ConfigurationError(text, path=config.path, name=missing[0], known=known)

    def _add(self, row: Row, batch: SampleBatch) -> None:
        arrival = time.time_ns() // 1000
        taken = Columns()
        try:
            if row.problem:
                raise ValueError(row.problem)
            at = self._time(row.cells[self._config.time])
            quality = self._quality(row.cells.get(self._config.quality))
            for address, cell in self._values(row.cells):
                value = value_of(cell, self._config.decimal)
                taken.add(
                    address,
                    value,
                    source_time=at,
                    arrival_time=arrival,
                    quality=quality,
                    historical=HISTORICAL,
                )
        except (ValueError, OverflowError) as error:
            source = f"{Path(self._config.path).name}:{row.number}"
            told = Malformed(
                source=source,
                reason=f"line {row.number}: {error}"[:280],
                raw=row.raw,
                arrival_time=instant(arrival),
            )
            batch.malformed.append(told)
            return
        for place in range(len(taken)):
            batch.samples.add(
                taken.addresses[taken.address[place]],
                taken.value(place),
                source_time=taken.source_time[place],
                arrival_time=arrival,
                quality=taken.quality[place],
                historical=HISTORICAL,
            )

    def _values(self, cells: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        config = self._config
        if config.value:
            name = str(cells[config.address] or "").strip()
            if not name:
                raise ValueError("no address")
            yield str(self._rename.get(name, name)), cells[config.value]
            return
        for name, cell in cells.items():
            # An empty cell of an instant's row is no value, not a null; a column without a name is no address
            if name and name not in (config.time, config.quality) and cell not in ("", None):
                yield str(self._rename.get(name, name)), cell

    def _time(self, cell: Any) -> int:
        at = cell
        # OSError: seconds past what the system's calendar knows
        with contextlib.suppress(ValueError, OverflowError, OSError):
            if isinstance(cell, int | float):
                at = datetime.fromtimestamp(cell, UTC)
            elif isinstance(cell, str) and cell.strip().replace(".", "", 1).isdecimal():
                at = datetime.fromtimestamp(float(cell), UTC)
            elif isinstance(cell, str):
                at = datetime.fromisoformat(cell.strip())
        if not isinstance(at, datetime):
            raise ValueError(f"time: read {str(cell)[:60]!r}, expected ISO 8601 or seconds")
        if at.tzinfo is None:
            if self._zone is None:
                raise ValueError(f"time: {str(cell)[:60]!r} has no offset, and no time zone is set")
            at = at.replace(tzinfo=self._zone)
        return micros(at.astimezone(UTC))

    @staticmethod
    def _quality(cell: Any) -> int:
        word = "" if cell is None else str(cell).strip().lower()
        if word not in QUALITIES:
            raise ValueError(f"quality: read {word[:60]!r}, expected good, uncertain or bad")
        return QUALITIES[word]


@contextlib.contextmanager
def _damage_told(path: str) -> Iterator[None]:
    """What pyarrow cannot read, in its own words: its refusals are ValueErrors."""
    try:
        yield
    except ValueError as error:
        raise Unavailable("%(path)s: %(why)s", path=path, why=str(error)[:500]) from error


def groups_after(metadata: Any, skip: int) -> tuple[int, list[int]]:
    """The groups of rows to read where ``skip`` rows are stored already, and how many rows come before
    them: what was stored before a kill is not read again.
    """
    before, first = 0, 0
    while first < metadata.num_row_groups and before + metadata.row_group(first).num_rows <= skip:
        before += metadata.row_group(first).num_rows
        first += 1
    return before, list(range(first, metadata.num_row_groups))


def in_microseconds(schema: Any) -> Any:
    """The same columns (pyarrow's schema), times no finer than we keep them: Python has no nanoseconds."""
    arrow = importlib.import_module("pyarrow")
    for place, column in enumerate(schema):
        if arrow.types.is_timestamp(column.type) and column.type.unit == "ns":
            schema = schema.set(place, column.with_type(arrow.timestamp("us", tz=column.type.tz)))
    return schema


def zone_of(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name) if name else None
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(late("zone: %(name)r is not a time zone"), name=name) from error


def value_of(cell: Any, decimal: str) -> Value:
    """A cell as the value it says. Raises ValueError for what is none."""
    if isinstance(cell, Decimal):
        cell, decimal = str(cell), "."
    if not isinstance(cell, str):
        if cell is None or isinstance(cell, bool | int | float):
            return cell
        raise ValueError(f"a {type(cell).__name__} is not a value")
    text = cell.strip()
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    if len(text) > LONGEST:
        raise ValueError(f"a text of {len(text)} characters, expected at most {LONGEST}")
    number = text if decimal == "." else text.replace(decimal, ".")
    if not _NUMBER.fullmatch(number):
        return text
    # A counter of 20 digits has no room in a floating number
    if number.lstrip("+-").isdecimal():
        if len(number) > DIGITS:
            raise ValueError(f"a whole number of {len(number)} digits, expected at most 20")
        return int(number)
    if not math.isfinite(value := float(number)):
        raise ValueError(f"value: read {text[:60]!r}, expected a number below 1e308")
    return value
