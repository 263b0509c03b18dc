"""Samples that came as JSON: read into columns, whole or not at all."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import orjson

from connectors.domain.columns import EPOCH, MICROSECOND, NO_STATUS, NO_TIME, Columns, micros

MOST = 20_000
QUALITIES = {"good": 0, "uncertain": 1, "bad": 2, 0: 0, 1: 1, 2: 2}
FIELDS = frozenset({"address", "source_time", "value", "quality", "server_time", "status_code", "historical"})


class BadSamples(ValueError):
    """The body is not samples; the message names the first entry that is wrong, counted from 0."""

    is_bad_input = True


def columns_of(raw: Any, *, now: datetime) -> Columns:
    """Raises BadSamples."""
    if not isinstance(raw, list):
        raise BadSamples("samples: expected a list")
    if len(raw) > MOST:
        raise BadSamples(f"samples: {len(raw)} in one request, expected at most {MOST}")
    columns, arrival = Columns(), micros(now)
    add, times = columns.add, _Times()
    index = -1
    try:
        for item in raw:
            index += 1
            value = item["value"]
            if value.__class__ not in _SCALARS:
                raise BadSamples(f"a {type(value).__name__} is not a value")
            address = item["address"]
            if address.__class__ is not str:
                raise BadSamples("address: expected text")
            if len(item) == 3:
                add(address, value, source_time=times[item["source_time"]], arrival_time=arrival)
            else:
                _add_full(columns, item, address, value, times, arrival)
    except KeyError as error:
        raise BadSamples(f"samples[{index}]: {error.args[0]!r} is missing") from None
    except (BadSamples, OverflowError) as error:
        raise BadSamples(f"samples[{index}]: {error}") from None
    except (TypeError, AttributeError):
        raise BadSamples(
            f"samples[{index}]: expected an object with address, source_time and value"
        ) from None
    return columns


class Refused(NamedTuple):
    """A line that is no sample, counted from 1, and why."""

    line: int
    reason: str
    raw: bytes


def lines_of(raw: bytes, *, now: datetime) -> tuple[Columns, list[Refused]]:
    """One sample a line: those that can be read, and those that cannot. Raises BadSamples for too many."""
    columns, arrival, times = Columns(), micros(now), _Times()
    refused: list[Refused] = []
    for number, line in enumerate(raw.split(b"\n"), 1):
        if not line.strip():
            continue
        if len(columns) + len(refused) >= MOST:
            raise BadSamples(f"more than {MOST} lines in one request")
        try:
            _add_line(columns, orjson.loads(line), times, arrival)
        except KeyError as error:
            refused.append(Refused(number, f"{error.args[0]!r} is missing", line))
        except TypeError:
            refused.append(Refused(number, "source_time, server_time: expected ISO 8601 as text", line))
        except (ValueError, OverflowError) as error:
            refused.append(Refused(number, str(error)[:200], line))
    return columns, refused


def _add_line(columns: Columns, item: Any, times: _Times, arrival: int) -> None:
    if not isinstance(item, dict):
        raise BadSamples("expected an object with address, source_time and value")
    address, value = item["address"], item["value"]
    if value.__class__ not in _SCALARS:
        raise BadSamples(f"a {type(value).__name__} is not a value")
    if address.__class__ is not str:
        raise BadSamples("address: expected text")
    _add_full(columns, item, address, value, times, arrival)


_SCALARS = frozenset({int, float, bool, str, type(None)})


def _add_full(
    columns: Columns, item: dict[str, Any], address: str, value: Any, times: _Times, arrival: int
) -> None:
    unknown = item.keys() - FIELDS
    if unknown:
        raise BadSamples(f"unknown field {min(unknown)[:60]!r}, expected one of {', '.join(sorted(FIELDS))}")
    quality = item.get("quality", 0)
    if isinstance(quality, bool) or not isinstance(quality, str | int) or quality not in QUALITIES:
        raise BadSamples(f"quality: read {str(quality)[:60]!r}, expected good, uncertain or bad")
    status = item.get("status_code")
    if status is not None and (
        isinstance(status, bool) or not isinstance(status, int) or not 0 <= status < 2**32
    ):
        raise BadSamples(f"status_code: read {str(status)[:60]!r}, expected a number from 0 to 4294967295")
    server = item.get("server_time")
    columns.add(
        address,
        value,
        source_time=times[item["source_time"]],
        server_time=NO_TIME if server is None else times[server],
        arrival_time=arrival,
        quality=QUALITIES[quality],
        status=NO_STATUS if status is None else status,
        historical=int(bool(item.get("historical", False))),
    )


class _Times(dict[str, int]):
    """ISO 8601 text → microseconds; many samples of a request share their instant."""

    def __missing__(self, text: str) -> int:
        found = self[text] = instant_of(text)
        return found


def instant_of(text: Any) -> int:
    """Microseconds since 1970 UTC. Raises BadSamples."""
    try:
        parsed = datetime.fromisoformat(text)
        if parsed.tzinfo is not None:
            return (parsed - EPOCH) // MICROSECOND
    except (ValueError, TypeError, OverflowError):
        raise BadSamples(f"time: read {str(text)[:60]!r}, expected ISO 8601 with an offset") from None
    raise BadSamples(f"time: {text[:60]!r} has no offset (write Z or +02:00)")
