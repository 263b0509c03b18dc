"""A day of process values: rows against segments, in room, in writing and in reading a trend.

Both hold the same samples of the same signals in the same PostgreSQL. Rows are compared as the product writes
them (binary COPY, with their key) and as most programs do (INSERT of narrow rows, a thousand at a time).
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
from django.db import connection, transaction
from psycopg2.extras import execute_values

from connectors.domain.columns import EPOCH, MICROSECOND, NO_TIME, Columns, instant, micros
from connectors.models import SampleSegment, SignalDefinition
from connectors.selectors.codec import Series
from connectors.selectors.summary import Bucket, samples_summary
from connectors.services import day_pack
from connectors.services.compaction import parts_of, segment_of
from connectors.services.ingest import samples_ingest
from connectors.signals import samples_landed
from tests.benchmarks.result import Ratio
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import line_make

SIGNALS = 4
SECONDS = int(os.environ.get("BENCH_SECONDS", "86400"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
POINTS = 800
NARROW = """CREATE TEMPORARY TABLE narrow (
    signal_id bigint NOT NULL, source_time timestamptz NOT NULL, value double precision,
    quality smallint NOT NULL, PRIMARY KEY (signal_id, source_time))"""
TREND = """SELECT least(floor(extract(epoch FROM source_time - %s) / %s)::int, %s), min(value), max(value),
    (max(ARRAY[extract(epoch FROM source_time), value::numeric]))[2]
FROM narrow WHERE signal_id = %s AND source_time >= %s AND source_time < %s GROUP BY 1"""
Values = list[tuple[int, datetime, float, int]]


def run() -> list[Ratio]:
    samples_landed.receivers = []  # nobody derives: it is storing and reading that is measured
    line = line_make(1, code="HIST")
    made = connection_make(line.site, slug="hist")
    signals = [signal_make(line.unit, f"hist/{number}", connection=made) for number in range(SIGNALS)]
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    size: dict[str, float] = {}
    rates: dict[str, list[float]] = {
        name: [] for name in ("narrow", "rows", "moved", "segments", "sql", "trend")
    }
    with connection.cursor() as cursor:
        cursor.execute(NARROW)
        for number in range(ROUNDS):
            day = today - timedelta(days=60 + number)
            told = _told(signals, day, number)
            rates["narrow"].append(len(told) / _took(partial(_insert, told)))
            if number == 0:
                cursor.execute("SELECT pg_total_relation_size('narrow')")
                size["narrow"] = cursor.fetchone()[0] / len(told)
            rates["rows"].append(len(told) / _took(partial(_ingest, signals, told)))
            rates["moved"].append(len(told) / _took(partial(day_pack, day=day.date())))
            series = _series(told, day)
            rates["segments"].append(len(told) / _took(partial(_write, series)))
            rates["sql"].append(1 / _took(partial(_sql, signals[0].pk, day)))
            found = _took(partial(_trend, signals[0].pk, day))
            rates["trend"].append(1 / found)
            _check(signals[0].pk, day)
        cursor.execute("SELECT pg_total_relation_size('connectors_samplesegment')")
        size["segments"] = cursor.fetchone()[0] / (2 * len(told) * ROUNDS)
    assert sum(SampleSegment.objects.values_list("count", flat=True)) == 2 * len(told) * ROUNDS
    return _ratios(size, rates)


def _told(signals: list[SignalDefinition], day: datetime, seed: int) -> Values:
    """Temperatures and pressures with two decimals, once a second, a few milliseconds early or late."""
    chance = np.random.default_rng(seed)
    told: Values = []
    for number, signal in enumerate(signals):
        walk = np.round(20 + 10 * number + np.cumsum(chance.normal(0, 0.02, SECONDS)), 2).tolist()
        early = (chance.integers(0, 20, SECONDS) * 1000).tolist()
        told += [
            (signal.pk, day + timedelta(seconds=second, microseconds=early[second]), walk[second], 0)
            for second in range(SECONDS)
        ]
    return told


def _insert(told: Values) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        execute_values(cursor.cursor, "INSERT INTO narrow VALUES %s", told, page_size=1000)


def _ingest(signals: list[SignalDefinition], told: Values) -> None:
    addresses = {signal.pk: signal.address for signal in signals}
    for first in range(0, len(told), 20_000):
        columns = Columns()
        for signal, at, value, _ in told[first : first + 20_000]:
            source = micros(at)
            columns.add(addresses[signal], value, source_time=source, arrival_time=source + 30_000)
        samples_ingest(connection="hist", samples=columns, now=datetime.now(UTC))


def _series(told: Values, day: datetime) -> dict[int, Series]:
    """As columns in memory: what both ways of writing begin with. Of signals that are nobody's."""
    found = {}
    for number in range(SIGNALS):
        part = told[number * SECONDS : (number + 1) * SECONDS]
        source = np.array([(at - EPOCH) // MICROSECOND for _, at, _, _ in part], np.int64)
        zero = np.zeros(SECONDS, np.int64)
        bits = np.array([value for _, _, value, _ in part]).view(np.int64)
        found[-part[0][0]] = Series(
            source, zero + NO_TIME, source + 30_000, zero, zero - 1, zero, zero + 2, bits, zero, zero, zero
        )
    assert day <= told[0][1]
    return found


def _write(found: dict[int, Series]) -> None:
    with transaction.atomic():
        for signal, series in found.items():
            day = instant(int(series.source_time[0])).date()
            made = [segment_of(signal, day, part) for part in parts_of(series)]
            SampleSegment.objects.bulk_create(made)


def _sql(signal: int, day: datetime) -> list[tuple[Any, ...]]:
    end, width = day + timedelta(days=1), 86_400 / POINTS
    with connection.cursor() as cursor:
        cursor.execute(TREND, [day, width, POINTS - 1, signal, day, end])
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _trend(signal: int, day: datetime) -> list[Bucket]:
    end = day + timedelta(days=1)
    return samples_summary(signal_ids=[signal], start=day, end=end, parts=POINTS, last=True)


def _check(signal: int, day: datetime) -> None:
    ours = {one.number: (one.lowest, one.highest, one.last) for one in _trend(signal, day)}
    theirs = {number: (low, high, float(last)) for number, low, high, last in _sql(signal, day)}
    assert ours == theirs, "the packed day gives another trend"


def _took(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def _ratios(size: dict[str, float], rates: dict[str, list[float]]) -> list[Ratio]:
    for kind, found in rates.items():
        print(f"  {kind:<9} {' '.join(f'{rate:11,.1f}' for rate in found)}", file=sys.stderr)
    print(f"  bytes a sample: {size['narrow']:.1f} narrow, {size['segments']:.2f} packed", file=sys.stderr)
    middle = {kind: statistics.median(found) for kind, found in rates.items()}
    written = "packed history, written (samples/s)"
    return [
        Ratio(
            "packed history, room (bytes per 1,000 samples)",
            1000 * size["segments"],
            1000 * size["narrow"],
            "narrow rows with their key",
            goal=1 / 15,
            lower_is_better=True,
        ),
        Ratio(written, middle["segments"], middle["narrow"], "INSERT of narrow rows", goal=10),
        Ratio(
            "the same with reading the rows, comparing and emptying",
            middle["moved"],
            middle["narrow"],
            "the same",
        ),
        Ratio(written, middle["segments"], middle["rows"], "our own rows, ingested"),
        Ratio(
            f"trend of a day in {POINTS} parts (a second)",
            middle["trend"],
            middle["sql"],
            "SQL over narrow rows",
            goal=5,
        ),
    ]
