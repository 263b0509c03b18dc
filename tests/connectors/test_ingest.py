from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors import selectors, services
from connectors.domain.columns import UNDATED, Columns, micros
from connectors.domain.wire import Unread
from connectors.models import (
    Connection,
    DirtyMark,
    IngestReceipt,
    QuarantinedMessage,
    SignalDefinition,
    SignalSample,
)
from connectors.services.context import context_of
from connectors.services.ingest import Delivery, Result, deliveries_store, samples_ingest
from connectors.services.packing import rows_of
from connectors.services.waking import FLOOD, pressing_in
from plant.domain.samples import Quality, Sample
from tests.factories.connectors import signal_make
from tests.factories.plant import actor_make, line_make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def mapped() -> SignalDefinition:
    unit = line_make(1).unit
    return signal_make(unit, "M1/value")


def columns(*values: Any, address: str = "M1/value", at: datetime = NOW, step: int = 1) -> Columns:
    return Columns.of(
        (Sample(address, at + timedelta(seconds=step * index), value) for index, value in enumerate(values)),
        arrival_time=micros(NOW),
    )


def ingest(signal: SignalDefinition, samples: Columns) -> Result:
    return samples_ingest(connection=signal.connection.slug, samples=samples, now=NOW)


def stored(signal: SignalDefinition) -> list[Any]:
    end = NOW + timedelta(days=1)
    found = selectors.samples_between(signal_ids=[signal.pk], start=NOW - timedelta(days=3000), end=end)
    return [row.value for row in found]


def test_every_kind_of_value_comes_back_as_it_was(mapped: SignalDefinition) -> None:
    values = [
        0,
        -1,
        2**63 - 1,
        -(2**63),
        2**64 - 1,
        1.5,
        -0.0,
        True,
        False,
        "filling",
        "é\x01",
        "",
        None,
        10**18 + 7,
    ]
    assert ingest(mapped, columns(*values)) == Result(len(values), len(values), 0, 0)
    back = stored(mapped)
    assert back == values
    assert [type(value) for value in back] == [type(value) for value in values]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    values=st.lists(
        st.one_of(
            st.none(),
            st.booleans(),
            st.integers(-(2**63), 2**64 - 1),
            st.floats(allow_nan=False, allow_infinity=False),
            st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=20),
        ),
        min_size=1,
        max_size=30,
    ),
    split=st.integers(0, 30),
)
def test_redelivery_in_any_batches_adds_nothing(
    mapped: SignalDefinition, values: list[Any], split: int
) -> None:
    with transaction.atomic():
        samples = columns(*values)
        first, rest = samples.take(range(min(split, len(values)))), samples
        one, two = ingest(mapped, first), ingest(mapped, rest)
        assert (one.stored, one.deduplicated) == (len(first), 0)
        assert (two.stored, two.deduplicated) == (len(values) - len(first), len(first))
        assert stored(mapped) == values
        transaction.set_rollback(True)


def test_two_values_of_one_instant_are_both_kept_and_ordered_by_key(mapped: SignalDefinition) -> None:
    ingest(mapped, columns(1, 2, step=0))
    once = stored(mapped)
    assert sorted(once) == [1, 2]
    SignalSample.objects.count()
    assert ingest(mapped, columns(2, 1, step=0)) == Result(2, 0, 2, 0)
    assert stored(mapped) == once


def test_a_batch_sent_twice_is_stored_once_and_its_receipt_balances(mapped: SignalDefinition) -> None:
    spool = uuid.uuid4()
    deliveries = [
        Delivery(samples=columns(1, 2), receipt=(spool, 1)),
        Delivery(samples=columns(2, 3, address="unknown"), receipt=(spool, 2)),
    ]
    for _ in range(2):
        deliveries_store(slug=mapped.connection.slug, deliveries=deliveries, now=NOW)
    assert stored(mapped) == [1, 2]
    for receipt in IngestReceipt.objects.all():
        assert receipt.received == receipt.stored + receipt.deduplicated + receipt.quarantined == 2
    assert QuarantinedMessage.objects.get().count == 2


@pytest.mark.parametrize(
    ("sample", "value_type", "reason"),
    [
        (Sample("M1/other", NOW, 1), "any", "unknown address"),
        (Sample("M1/value", NOW, "fast"), "number", "wrong type: expected number"),
        (Sample("M1/value", NOW, 1.5), "integer", "wrong type: expected integer"),
        (Sample("M1/value", NOW + timedelta(minutes=6), 1), "any", "in the future"),
        (Sample("M1/value", NOW - timedelta(days=20000), 1), "any", "too far in the past"),
    ],
)
def test_what_cannot_be_stored_is_set_aside_with_its_reason(
    mapped: SignalDefinition, sample: Sample, value_type: str, reason: str
) -> None:
    SignalDefinition.objects.update(value_type=value_type)
    result = ingest(mapped, Columns.of([sample, Sample("M1/value", NOW, None)], arrival_time=micros(NOW)))
    assert result == Result(received=2, stored=1, deduplicated=0, quarantined=1)
    message = QuarantinedMessage.objects.get()
    assert (message.source, message.reason, message.count) == (sample.address, reason, 1)
    assert message.configuration_revision == Connection.objects.get().revision


def test_values_of_an_unknown_address_are_stored_once_the_address_is_known(mapped: SignalDefinition) -> None:
    ingest(mapped, columns(7, 8, address="M1/new"))
    message = QuarantinedMessage.objects.get()
    by = actor_make("engineer", mapped.connection.site)
    with pytest.raises(services.CannotReread, match="unknown address"):
        services.quarantine_reprocess(message_id=message.pk, by=by, now=NOW)
    new = signal_make(mapped.equipment, "M1/new", connection=mapped.connection)
    assert services.quarantine_reprocess(message_id=message.pk, by=by, now=NOW) == 2
    assert services.quarantine_reprocess(message_id=message.pk, by=by, now=NOW) == 0
    assert stored(new) == [7, 8]


def test_an_unreadable_mqtt_message_is_read_again_under_a_new_mapping(mapped: SignalDefinition) -> None:
    unread = Unread("plant/M1/value", "nothing at 'v'", b'{"value": 3, "ts": 1772452800000}', NOW)
    deliveries_store(slug=mapped.connection.slug, deliveries=[Delivery(unread=[unread])], now=NOW)
    connection_ = mapped.connection
    connection_.config = {
        "broker": "mqtt://localhost",
        "client_id": "x",
        "mappings": [{"topic": "plant/{equipment}/{signal}", "value": "value", "time": "ts"}],
    }
    connection_.save()
    by = actor_make("engineer", connection_.site)
    assert services.quarantine_reprocess(message_id=QuarantinedMessage.objects.get().pk, by=by, now=NOW) == 1
    assert stored(mapped) == [3]


def test_a_flood_of_unreadable_messages_is_bounded_but_counted(
    mapped: SignalDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.services.quarantine.KEPT_PER_SOURCE", 5)
    unread = [Unread("t", "not JSON", f"{number}".encode(), NOW) for number in range(20)]
    for message in unread:
        deliveries_store(slug=mapped.connection.slug, deliveries=[Delivery(unread=[message])], now=NOW)
    assert QuarantinedMessage.objects.count() == 6
    assert sum(QuarantinedMessage.objects.values_list("count", flat=True)) == 20


def test_bad_quality_is_kept(mapped: SignalDefinition) -> None:
    sample = Sample("M1/value", NOW, 5, quality=Quality.BAD, status_code=0x80000000)
    ingest(mapped, Columns.of([sample], arrival_time=micros(NOW)))
    row = SignalSample.objects.get(signal_id=mapped.pk)
    assert (row.quality, row.status_code, row.v_int) == (2, 0x80000000, Decimal(5))


def test_landing_marks_the_machine_and_wakes_whoever_derives(
    mapped: SignalDefinition, django_capture_on_commit_callbacks: Any
) -> None:
    from connectors.signals import samples_landed

    woken: list[frozenset[int]] = []

    def hear(work_unit_ids: frozenset[int], **_: object) -> None:
        woken.append(work_unit_ids)

    samples_landed.connect(hear)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            ingest(mapped, columns(1, 2, 3))
            ingest(mapped, columns(1, 2, 3))
    finally:
        samples_landed.disconnect(hear)
    assert woken == [frozenset({mapped.equipment_id})]
    mark = DirtyMark.objects.get()
    assert (mark.from_time, mark.to_time) == (NOW, NOW + timedelta(seconds=2))
    assert selectors.dirty_marks_take(work_unit_id=mapped.equipment_id) == (mark.from_time, mark.to_time)
    assert selectors.dirty_marks_take(work_unit_id=mapped.equipment_id) is None


def test_a_changed_state_is_pressing_and_a_moving_counter_or_a_flood_is_not(
    mapped: SignalDefinition,
) -> None:
    state = signal_make(mapped.equipment, "M1/state", role="state", connection=mapped.connection)
    context = context_of(mapped.connection.slug)

    def pressing(*values: int, address: str) -> frozenset[int]:
        samples = columns(*values, address=address)
        signals, equipment, _ = context.lookup(samples.addresses)
        rows = rows_of(samples, signal_id=signals, equipment_id=equipment, site_id=context.site_id)
        return pressing_in(context, [rows])

    machine = frozenset({mapped.equipment_id})
    assert pressing(1, 2, 3, address="M1/value") == frozenset()
    assert pressing(6, address=state.address) == machine
    assert pressing(6, 6, address=state.address) == frozenset()
    assert pressing(6, 9, address=state.address) == machine
    assert pressing(*[6, 9] * FLOOD, address=state.address) == frozenset()


def test_a_signal_of_the_line_marks_it_and_every_machine_of_it() -> None:
    line = line_make(3)
    signal = signal_make(line.line, "L/order")
    samples_ingest(connection=signal.connection.slug, samples=columns("OF1", address="L/order"), now=NOW)
    assert set(DirtyMark.objects.values_list("work_unit_id", flat=True)) == {
        line.line.pk,
        *(unit.pk for unit in line.units),
    }


def test_last_sample_before_is_strict_and_crosses_days(mapped: SignalDefinition) -> None:
    ingest(mapped, columns(1, 2, at=NOW - timedelta(days=4)))
    ingest(mapped, columns(3))
    before = selectors.last_samples_before(signal_ids=[mapped.pk], at=NOW)
    assert before[mapped.pk].value == 2
    assert selectors.last_samples_before(signal_ids=[mapped.pk], at=NOW - timedelta(days=4)) == {}


def test_the_last_sample_that_counts_is_found_however_far_back(mapped: SignalDefinition) -> None:
    """What is looked for near at first is the same sample: the last, the last believed, the last number."""
    ahead, then = timedelta(minutes=1), NOW - timedelta(days=30)
    ingest(mapped, Columns.of([Sample("M1/value", then, 1)], arrival_time=micros(then)))
    bad = Sample("M1/value", then + timedelta(hours=1), 2, quality=Quality.BAD)
    ingest(mapped, Columns.of([bad], arrival_time=micros(bad.source_time)))
    early = Sample("M1/value", then + timedelta(minutes=63), 3)
    ingest(mapped, Columns.of([early], arrival_time=micros(bad.source_time)))
    ids = [mapped.pk]
    for at in (NOW, then + timedelta(hours=3)):
        assert selectors.last_samples_before(signal_ids=ids, at=at)[mapped.pk].value == 3
        assert selectors.last_told_before(signal_ids=ids, at=at, ahead=ahead)[mapped.pk].value == 2
        good = selectors.last_good_before(signal_ids=ids, at=at, ahead=ahead, below=10)
        assert good[mapped.pk].value == 1
        assert selectors.last_good_before(signal_ids=ids, at=at, ahead=ahead, below=1) == {}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    heard=st.lists(st.integers(0, 120), max_size=40, unique=True),
    read=st.lists(st.integers(0, 120), max_size=10, unique=True),
    stale=st.integers(1, 30),
)
def test_values_that_drive_nothing_are_thinned_without_hiding_or_inventing_a_silence(
    mapped: SignalDefinition, heard: list[int], read: list[int], stale: int
) -> None:
    other = signal_make(mapped.equipment, f"M1/{uuid.uuid4()}", connection=mapped.connection)
    instants = {mapped.pk: sorted(read), other.pk: sorted(heard)}
    start = NOW - timedelta(seconds=200)
    with transaction.atomic():
        for signal in (mapped, other):
            for second in instants[signal.pk]:
                at = start + timedelta(seconds=second)
                ingest(signal, columns(second, address=signal.address, at=at))
        found = selectors.samples_folded(
            read_ids=[mapped.pk],
            heard_ids=[other.pk],
            start=start,
            end=NOW,
            ahead=timedelta(minutes=5),
            resolution=timedelta(seconds=stale),
        )
        transaction.set_rollback(True)
    seen = [((at - start) // timedelta(seconds=1), signal, value) for at, signal, value, _ in found]
    assert [(second, value) for second, signal, value in seen if signal == mapped.pk] == [
        (second, second) for second in sorted(read)
    ]
    assert [second for second, *_ in seen] == sorted(second for second, *_ in seen)
    assert _silences([second for second, *_ in seen], stale) == _silences(sorted([*heard, *read]), stale)
    assert max((second for second, *_ in seen), default=None) == max([*heard, *read], default=None)


def _silences(seconds: list[int], stale: int) -> list[tuple[int, int]]:
    return [(first, then) for first, then in pairwise(seconds) if then - first > stale]


def test_a_change_of_connection_or_signal_raises_the_revision(mapped: SignalDefinition) -> None:
    def revision() -> int:
        return Connection.objects.get(pk=mapped.connection_id).revision

    seen = [revision()]
    Connection.objects.filter(pk=mapped.connection_id).update(config={"a": 1})
    seen.append(revision())
    SignalDefinition.objects.filter(pk=mapped.pk).update(unit="kg")
    seen.append(revision())
    SignalDefinition.objects.bulk_create(
        [
            SignalDefinition(
                connection=mapped.connection, address=f"a{n}", equipment=mapped.equipment, role="speed"
            )
            for n in range(3)
        ]
    )
    seen.append(revision())
    assert seen == sorted(set(seen))


def test_the_application_can_neither_change_nor_delete_samples(mapped: SignalDefinition) -> None:
    ingest(mapped, columns(1))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass",
            ["connectors_signalsample"],
        )
        tables = ["connectors_signalsample", *(name for (name,) in cursor.fetchall())]
    for table in tables:
        for statement in (f"UPDATE {table} SET v_int = 2", f"DELETE FROM {table}", f"TRUNCATE {table}"):
            with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
                connection.cursor().execute(statement)


def test_receipts_nobody_can_ask_about_are_forgotten(mapped: SignalDefinition) -> None:
    deliveries_store(
        slug=mapped.connection.slug,
        deliveries=[Delivery(samples=columns(1), receipt=(uuid.uuid4(), 1))],
        now=NOW,
    )
    assert services.receipts_trim(now=NOW + timedelta(days=6)) == 0
    assert services.receipts_trim(now=NOW + timedelta(days=8)) == 1
    assert not IngestReceipt.objects.exists()


def test_a_numbered_message_without_a_time_is_stored_once_however_often_it_comes(
    mapped: SignalDefinition,
) -> None:
    def delivered(number: int, arrival: datetime) -> Columns:
        samples = Columns()
        at = micros(arrival)
        samples.add("M1/value", number, source_time=at, arrival_time=at, historical=UNDATED, key=number)
        return samples

    for seconds in range(3):
        result = ingest(mapped, delivered(7, NOW + timedelta(seconds=seconds)))
        assert (result.stored, result.deduplicated) == ((1, 0) if seconds == 0 else (0, 1))
    assert ingest(mapped, delivered(8, NOW)).stored == 1
    assert stored(mapped) == [7, 8] or stored(mapped) == [8, 7]


def test_partitions_are_made_ahead(mapped: SignalDefinition) -> None:
    services.partitions_ahead(now=datetime(2033, 5, 1, tzinfo=UTC), days=2)
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('connectors_signalsample_20330503') IS NOT NULL")
        assert cursor.fetchone() == (True,)
