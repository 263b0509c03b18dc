"""Packed days: every sample comes back to the last bit, and no reader can tell."""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import selectors, services
from connectors.domain.columns import HISTORICAL, NO_TIME, Columns, micros
from connectors.models import SampleSegment, SignalDefinition, SignalSample
from connectors.selectors.before import _EVER_ANY
from connectors.selectors.codec import COLUMNS, DamagedSegment, Series, in_order, pack, unpack
from connectors.selectors.edges import Window, samples_at_edges
from connectors.selectors.late import late_values
from connectors.selectors.segments import order_of, values_of
from connectors.selectors.summary import samples_summary
from connectors.services import compaction, partitions
from connectors.services.ingest import samples_ingest
from tests.factories.connectors import signal_make
from tests.factories.plant import account_make, line_make

# Whole days ago: the day's age decides what may be packed, not its date.
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
DAY = TODAY - timedelta(days=30)
AHEAD = timedelta(minutes=5)
int64s = st.integers(-(2**63), 2**63 - 1)
values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**64 - 1),
    st.floats(width=64),
    st.integers(-500, 500).map(lambda whole: whole / 10),
    st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=8),
    st.sampled_from(["12.5", " 7 ", "1e3", "x"]),
)


@given(
    rows=st.lists(st.tuples(int64s, int64s, int64s, st.integers(0, 5), int64s, int64s), max_size=60),
    usual=st.booleans(),
    texts=st.lists(st.text(max_size=4), min_size=1, max_size=3),
)
def test_any_columns_come_back_to_the_last_bit(rows: list[Any], usual: bool, texts: list[str]) -> None:
    count = len(rows)
    source, server, arrival, kind, bits, key = (
        np.array([row[place] for row in rows], np.int64) for place in range(6)
    )
    bits = np.where(kind == 4, np.abs(bits % len(texts)), bits)
    small = np.abs(key) % 3
    series = Series(source, server, arrival, small, key % 100, small, kind, bits, key, small, small, texts)
    if usual:
        series = Series(**{**series.__dict__, "kind": np.full(count, 2, np.int64)})
    again = unpack(pack(series))
    for name in COLUMNS:
        if name != "bits":
            assert np.array_equal(getattr(series, name), getattr(again, name)), name
    numbers = series.kind != 4
    assert np.array_equal(series.bits[numbers], again.bits[numbers])
    assert [bit(one) for one in values_of(again)] == [bit(one) for one in values_of(series)]


def bit(value: Any) -> Any:
    """Equal only when every bit is: NaN is itself, and −0.0 is not 0.0."""
    return struct.pack("<d", value) if isinstance(value, float) else (type(value), value)


def test_a_regular_counter_takes_a_fraction_of_a_byte_and_damage_is_noticed() -> None:
    count = 10_000
    zero = np.zeros(count, np.int64)
    times = micros(DAY) + np.arange(count) * 1_000_000
    series = Series(
        times, zero + NO_TIME, times + 20_000, zero, zero - 1, zero, zero + 1, zero + 7, zero, zero, zero
    )
    raw = pack(series)
    assert len(raw) < count
    for broken in (raw[:-1], b"XX1" + raw[3:], raw[: len(raw) // 2], b""):
        with pytest.raises(DamagedSegment):
            unpack(broken)
    assert len(in_order(series)) == count


# -- in the database ----------------------------------------------------------------------------------------


@pytest.fixture
def signals() -> list[SignalDefinition]:
    first = signal_make(line_make(1).unit, "a")
    return [first, signal_make(first.equipment, "b", role="state", connection=first.connection)]


def deliver(signals: list[SignalDefinition], rows: list[tuple[Any, ...]], now: datetime = TODAY) -> Any:
    columns = Columns()
    for place, second, value, quality, historical, server in rows:
        at = micros(DAY) + int(second * 1_000_000)
        columns.add(
            signals[place].address,
            value,
            source_time=at,
            arrival_time=min(at + 40_000, micros(now)),
            server_time=at - 5 if server else NO_TIME,
            quality=quality,
            historical=HISTORICAL * historical,
        )
    return samples_ingest(connection=signals[0].connection.slug, samples=columns, now=now)


def everything(signals: list[SignalDefinition]) -> Iterator[Any]:
    """What every selector says of the time around."""
    ids = [signal.pk for signal in signals]
    start, end = DAY - timedelta(hours=1), DAY + timedelta(days=2)
    middle = DAY + timedelta(hours=11)
    rows = selectors.samples_between(signal_ids=ids, start=start, end=end)
    assert rows == sorted(rows, key=order_of)
    # Two signals that say the same at the same instant come in either order
    yield sorted(rows, key=lambda row: (order_of(row), row.signal_id))
    yield selectors.samples_between(signal_ids=ids[:1], start=middle, end=end)
    windows = [(start, middle), (middle + timedelta(minutes=1), end)]
    rows = selectors.samples_within(signal_ids=ids, windows=windows)
    assert rows == sorted(rows, key=order_of)
    yield sorted(rows, key=lambda row: (order_of(row), row.signal_id))
    for at in (start, DAY, middle, DAY + timedelta(seconds=43_210), end, TODAY):
        yield selectors.last_samples_before(signal_ids=ids, at=at)
        yield selectors.last_told_before(signal_ids=ids, at=at, ahead=AHEAD)
        yield selectors.last_good_before(signal_ids=ids, at=at, ahead=AHEAD, below=100)
    yield selectors.last_samples_before_each(signal_ids=ids, instants=[middle, end])
    folded = selectors.samples_folded(
        read_ids=ids[:1],
        heard_ids=ids[1:],
        start=start,
        end=end,
        ahead=AHEAD,
        resolution=timedelta(minutes=10),
    )
    yield sorted(folded, key=lambda told: told[:2])
    for signal in ids:
        yield list(selectors.samples_each(signal_id=signal, start=start, end=end, at_once=3))
    edges = samples_at_edges(
        instants=[(pk, at) for pk in ids for at in (middle, end)],
        windows=[Window(pk, middle, end) for pk in ids],
        equipment_ids=[signals[0].equipment_id],
        until=end,
    )
    yield edges.before, edges.within
    place = [signals[0].equipment_id]
    yield late_values(equipment_ids=place, start=start, end=end, since=middle)
    yield selectors.late_samples(equipment_ids=place, start=start, end=end, since=start)
    for bucket in samples_summary(signal_ids=ids, start=start, end=end, parts=7):
        yield bucket._replace(average=0)  # the last digits depend on who adds up
    for bucket in samples_summary(signal_ids=ids, start=middle, end=middle + AHEAD, parts=400, last=True):
        yield bucket._replace(average=0)


def exact(found: Any) -> str:
    """Told by what it prints: a NaN equals itself, an integer no float; averages to 12 digits."""
    if isinstance(found, float):
        return repr(found) if not math.isfinite(found) else f"{found:.12g}"
    if isinstance(found, dict):
        return str(
            {str(key): exact(value) for key, value in sorted(found.items(), key=lambda item: str(item[0]))}
        )
    if isinstance(found, list | tuple):
        return str([exact(one) for one in found])
    return repr(found)


row = st.tuples(
    st.integers(0, 1),
    st.one_of(st.integers(43_195, 43_215), st.floats(-600, 172_000, allow_nan=False)),
    values,
    st.sampled_from([0, 0, 0, 1, 2]),
    st.booleans(),
    st.booleans(),
)


@pytest.mark.django_db
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(row, min_size=1, max_size=40), late=st.lists(row, max_size=6))
def test_no_reader_can_tell_whether_a_day_is_packed(
    signals: list[SignalDefinition], rows: list[Any], late: list[Any]
) -> None:
    with transaction.atomic():
        deliver(signals, rows)
        before = [exact(found) for found in everything(signals)]
        total = SignalSample.objects.count()
        for day in compaction.days_due(now=TODAY + timedelta(hours=1)):
            services.day_pack(day=day)
        assert not SignalSample.objects.exists()
        assert sum(SampleSegment.objects.values_list("count", flat=True)) == total
        assert [exact(found) for found in everything(signals)] == before
        # The same again and what is late: stored beside the segments, read in order, each once
        deliver(signals, late + rows[:3])
        mixed = [exact(found) for found in everything(signals)]
        for day in compaction.days_due(now=TODAY + timedelta(hours=1)):
            services.day_pack(day=day)
        assert [exact(found) for found in everything(signals)] == mixed
        deliver(signals, rows + late)
        assert [exact(found) for found in everything(signals)] == mixed
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_a_chart_asks_for_as_many_parts_as_it_has_pixels(
    signals: list[SignalDefinition], client: Client
) -> None:
    client.force_login(account_make("engineer", signals[0].connection.site))
    deliver(signals, [(0, second, second % 7, 0, False, False) for second in range(100)])
    deliver(signals, [(0, 45, 1e300, 0, False, False), (0, 46, 6, 2, False, False)])
    start, end = DAY.isoformat(), (DAY + timedelta(seconds=200)).isoformat()
    asked = {"signal": str(signals[0].pk), "start": start, "end": end, "buckets": "4"}
    first = client.get("/api/v1/samples", asked).json()["results"]
    assert [(one["count"], one["lowest"], one["highest"], one["last"]) for one in first] == [
        (50, 0, 6, 49 % 7),
        (50, 0, 6, 99 % 7),
    ]
    assert first[0]["average"] == pytest.approx(sum(n % 7 for n in range(50)) / 50)
    assert datetime.fromisoformat(first[1]["last_time"]) == DAY + timedelta(seconds=99)
    services.day_pack(day=DAY.date())
    assert client.get("/api/v1/samples", asked).json()["results"] == first
    for wrong in ("0", "x", "5001"):
        assert client.get("/api/v1/samples", asked | {"buckets": wrong}).status_code == 400


@pytest.mark.django_db
def test_packing_that_fails_takes_nothing_out(
    signals: list[SignalDefinition], monkeypatch: pytest.MonkeyPatch
) -> None:
    deliver(signals, [(0, second, second, 0, False, False) for second in range(50)])
    monkeypatch.setattr(compaction, "unpack", lambda data: unpack(data).take(slice(1, None)))
    with pytest.raises(compaction.PackedWrong), transaction.atomic():
        services.day_pack(day=DAY.date())
    assert SignalSample.objects.count() == 50
    assert not SampleSegment.objects.exists()


@pytest.mark.django_db
def test_the_application_cannot_empty_a_day_that_is_not_packed(signals: list[SignalDefinition]) -> None:
    deliver(signals, [(0, 1, 1, 0, False, False)])
    refused = pytest.raises(DatabaseError, match="1 rows, 0 of them packed")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT connectors_sample_partition_empty(%s, 0, 0)", [DAY.date()])
    with pytest.raises(DatabaseError, match="not over for long enough"), transaction.atomic():
        services.day_pack(day=TODAY.date())
    with pytest.raises(DatabaseError, match="denied"), transaction.atomic():
        SampleSegment.objects.all().delete()
    assert SignalSample.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_day_somebody_reads_waits_and_a_packed_day_is_smaller(signals: list[SignalDefinition]) -> None:
    deliver(signals, [(0, second, second // 3, 0, False, False) for second in range(0, 80_000, 20)])
    reader = connection.copy()
    try:
        with reader.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("SELECT count(*) FROM connectors_signalsample")
            assert services.history_pack(now=TODAY + timedelta(hours=1)) == []
            cursor.execute("COMMIT")
        (packed,) = services.history_pack(now=TODAY + timedelta(hours=1))
    finally:
        reader.close()
    assert (packed.rows, packed.doubled) == (4000, 0)
    assert packed.size < 4 * packed.rows
    assert services.history_pack(now=TODAY + timedelta(hours=1)) == []


@pytest.mark.django_db
def test_a_read_that_names_no_earliest_day_touches_no_more_partitions_the_longer_the_history(
    signals: list[SignalDefinition],
) -> None:
    ids = [signal.pk for signal in signals]

    def touched() -> set[str]:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {_EVER_ANY}", {"ids": ids, "instants": [TODAY]})
            return set(re.findall(r"connectors_signalsample_\d{8}", str(cursor.fetchall())))

    def kept(days: int) -> set[str]:
        for number in range(days):
            deliver(signals, [(0, 86_400 * -number, number, 0, False, False)])
        services.history_pack(now=TODAY + timedelta(hours=1))
        return touched()

    month = kept(3)
    assert kept(12) == month
    # A late value of a day whose partition is gone, told by a process that still remembers it
    for days in partitions._known.values():
        days.add(DAY.date())
    deliver(signals, [(1, 5, 6, 0, False, False)])
    assert len(touched()) == len(month) + 1
    assert selectors.last_samples_before(signal_ids=ids, at=TODAY)[ids[1]].value == 6
    assert selectors.last_samples_before(signal_ids=ids, at=DAY + timedelta(seconds=1))[ids[0]].value == 0


@pytest.mark.django_db
@pytest.mark.parametrize("off", ["enable_nestloop", "enable_hashjoin", "enable_mergejoin"])
def test_days_are_found_by_every_plan(off: str) -> None:
    """With many partitions the planner looks at all relations first: not all names end in a day."""
    with connection.cursor() as cursor:
        for setting in {"enable_nestloop", "enable_hashjoin", "enable_mergejoin"} - {off}:
            cursor.execute(f"SET LOCAL {setting} = off")
        cursor.execute("SET LOCAL enable_indexscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")
    partitions.partitions_ensure(days=[TODAY.date() - timedelta(days=days) for days in range(3)])
    assert compaction.days_due(now=TODAY) == []
    compaction._empty_dropped(TODAY)
