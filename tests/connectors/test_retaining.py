"""Packed history is sealed; what is older than the plant keeps is dropped and written down, nothing else."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.test import Client

from connectors import selectors, services
from connectors.domain.columns import Columns, micros
from connectors.domain.trust import verdict
from connectors.models import DirtyMark, RetiredHistory, SampleSegment, SignalDefinition
from connectors.selectors.trust import evidence_of
from connectors.services.ingest import samples_ingest
from connectors.services.retaining import NOT_DERIVED, horizon_of
from plant import env
from plant.hooks import Veto, may_retire
from tests.factories.connectors import signal_make
from tests.factories.plant import account_make, line_make

# Whole days ago: the database drops nothing younger than four weeks
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
DAY = TODAY - timedelta(days=70)
MUCH_LATER = TODAY + timedelta(days=900)
PACKED_AT = TODAY + timedelta(hours=1)


@pytest.fixture
def signals() -> list[SignalDefinition]:
    """A process value and a state of one machine."""
    first = signal_make(line_make(1).unit, "temperature")
    return [first, signal_make(first.equipment, "state", role="state", connection=first.connection)]


def tell(signals: list[SignalDefinition], start: datetime, values: range = range(30)) -> None:
    """A value a minute of each, and pack them."""
    told = Columns()
    for signal in signals:
        for number in values:
            at = micros(start) + number * 60_000_000
            told.add(signal.address, number, source_time=at, arrival_time=at + 1000)
    samples_ingest(connection=signals[0].connection.slug, samples=told, now=TODAY)
    DirtyMark.objects.all().delete()
    services.day_pack(day=start.date())


@contextmanager
def as_owner() -> Iterator[Any]:
    """A hand that no right of the application's stops."""
    entry = env.database("", os.environ["MOM_TEST_DATABASE_OWNER_URL"])
    other = connection.copy()
    other.settings_dict.update({**entry, "NAME": connection.settings_dict["NAME"]})
    try:
        with other.cursor() as cursor:
            yield cursor
    finally:
        other.close()


def reasons(signal: SignalDefinition) -> set[str]:
    found = evidence_of(connections=[signal.connection], now=TODAY)[signal.connection_id]
    return {reason.evidence for reason in verdict(found, TODAY).reasons}


def days_of(signal: SignalDefinition) -> list[int]:
    """How many days after the first one a signal still has values of."""
    days = SampleSegment.objects.filter(signal_id=signal.pk).order_by("day").values_list("day", flat=True)
    return [(day - DAY.date()).days for day in days.distinct()]


def test_months_are_whole_and_a_typing_error_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(horizon_of(datetime(2026, 11, 22, tzinfo=UTC), 25)) == "2024-10-01"
    assert str(horizon_of(datetime(2026, 1, 1, tzinfo=UTC), 12)) == "2025-01-01"
    allowed = frozenset({"process_value", "setpoint"})
    monkeypatch.setenv("KEEP", "process_value=13, setpoint=0")
    assert env.months("KEEP", "", allowed=allowed) == {"process_value": 13}
    for wrong in ("state=12", "process_value", "process_value=x"):
        monkeypatch.setenv("KEEP", wrong)
        with pytest.raises(env.ConfigurationError, match="KEEP"):
            env.months("KEEP", "", allowed=allowed)


@pytest.mark.django_db
def test_what_is_old_goes_and_is_written_down_and_what_drives_the_account_stays(
    signals: list[SignalDefinition], client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    value, state = signals
    tell(signals, DAY)
    tell(signals, DAY + timedelta(days=1))
    before = selectors.samples_between(signal_ids=[state.pk], start=DAY, end=TODAY)
    assert services.history_retire(now=TODAY) == [], "25 months are kept"
    assert sum(drop.samples for drop in services.history_due(now=MUCH_LATER)) == 60
    assert days_of(value) == [0, 1], "looking drops nothing"

    services.history_retire(now=MUCH_LATER)
    assert (days_of(value), days_of(state)) == ([], [0, 1])
    assert selectors.samples_between(signal_ids=[value.pk], start=DAY, end=TODAY) == []
    assert selectors.samples_between(signal_ids=[state.pk], start=DAY, end=TODAY) == before
    rows = list(RetiredHistory.objects.all())
    assert sum(row.samples for row in rows) == 60
    assert {row.rule for row in rows} == {"process_value: 25 months"}
    with pytest.raises(DatabaseError, match="denied"), transaction.atomic():
        RetiredHistory.objects.all().delete()

    told = evidence_of(connections=[value.connection], now=TODAY)[value.connection_id].balance
    assert (told.received, told.stored, told.retired, told.difference) == (120, 60, 60, 0)
    client.force_login(account_make("engineer", value.connection.site))
    page = client.get(f"/connections/{value.connection.slug}/trust/").content.decode()
    assert "process_value: 25 months" in page
    asked = {"signal": str(value.pk), "start": DAY.isoformat(), "end": TODAY.isoformat()}
    for more in ({}, {"buckets": "10"}):
        answer = client.get("/api/v1/samples", asked | more).json()
        assert answer["results"] == []
        assert {one["rule"] for one in answer["retired"]} == {"process_value: 25 months"}
    call_command("history_retire", "--dry-run")
    assert "would go: 0 values" in capsys.readouterr().out


@pytest.mark.django_db
def test_silence_is_known_still_where_values_were_dropped(signals: list[SignalDefinition]) -> None:
    value, state = signals
    tell([value], DAY)
    ahead, resolution = timedelta(minutes=5), timedelta(seconds=10)

    def heard() -> Any:
        at = DAY + timedelta(minutes=12, seconds=1)
        last = selectors.last_told_before(signal_ids=[value.pk], at=at, ahead=ahead)[value.pk].source_time
        spoke = selectors.samples_folded(
            read_ids=[state.pk],
            heard_ids=[value.pk],
            start=DAY + timedelta(minutes=3),
            end=DAY + timedelta(days=1),
            ahead=ahead,
            resolution=resolution,
        )
        return last, spoke

    before = heard()
    services.history_retire(now=MUCH_LATER)
    assert days_of(value) == []
    assert heard() == before
    assert before[0] == DAY + timedelta(minutes=12)


@pytest.mark.django_db
def test_nothing_goes_that_something_rests_on(
    signals: list[SignalDefinition], monkeypatch: pytest.MonkeyPatch
) -> None:
    value = signals[0]
    for number in range(3):
        tell(signals, DAY + timedelta(days=number))
    machine = value.equipment_id
    waiting = DAY + timedelta(days=1, hours=5)
    DirtyMark.objects.create(work_unit_id=machine, from_time=waiting, to_time=waiting)
    signed = Veto("still_needed", "signed: PO1")
    monkeypatch.setattr(may_retire, "_checks", {})
    may_retire.register(
        "test", lambda place, start, end: signed if (place, start) == (machine, DAY) else None
    )
    held = {drop.held for drop in services.history_due(now=MUCH_LATER) if drop.held}
    assert held == {NOT_DERIVED, signed.message}
    services.history_retire(now=MUCH_LATER)
    assert days_of(value) == [0, 1]
    DirtyMark.objects.all().delete()
    services.history_retire(now=MUCH_LATER)
    assert days_of(value) == [0]


FIELDS = [field.name for field in RetiredHistory._meta.fields if field.name != "id"]


def retire(row: RetiredHistory) -> None:
    row.save()
    with connection.cursor() as cursor:
        cursor.execute("SELECT connectors_history_retire(%s)", [row.pk])


@pytest.mark.django_db
def test_the_application_can_drop_nothing_the_rules_do_not_name(signals: list[SignalDefinition]) -> None:
    tell(signals, DAY)
    services.history_retire(now=MUCH_LATER)
    row = RetiredHistory.objects.get()
    for change, said in (
        ({"signal_id": signals[1].pk}, "drives what is derived"),
        ({"end_time": TODAY}, "last 28 days"),
        ({}, "0 segments of 0 samples are there"),
    ):
        told = {name: getattr(row, name) for name in FIELDS} | change
        with pytest.raises(DatabaseError, match=said), transaction.atomic():
            retire(RetiredHistory(**told))


@pytest.mark.django_db(transaction=True)
def test_a_changed_byte_and_a_segment_that_is_gone_are_noticed(
    signals: list[SignalDefinition], capsys: pytest.CaptureFixture[str]
) -> None:
    value, state = signals
    for number in range(3):
        tell(signals, DAY + timedelta(days=number))
    services.history_retire(now=MUCH_LATER)
    tell([value], DAY + timedelta(days=1), range(30, 40))  # comes late, is sealed after what was dropped
    call_command("history_verify")
    assert "4 segments, 100 values" in capsys.readouterr().out

    second = SampleSegment.objects.filter(signal_id=state.pk).order_by("pk")[1]
    damage = [
        "UPDATE connectors_samplesegment SET data = set_byte(data, 40, get_byte(data, 40) # 1) WHERE id = %s",
        "UPDATE connectors_samplesegment SET last_arrival = last_arrival + interval '1 us' WHERE id = %s",
        "DELETE FROM connectors_samplesegment WHERE id = %s",
    ]
    for statement in damage:
        with as_owner() as cursor:
            cursor.execute(statement, [second.pk])
        with pytest.raises(CommandError):
            call_command("history_verify", connection=state.connection.slug)
        assert "differs from its seal" in capsys.readouterr().out
        with as_owner() as cursor:
            cursor.execute("DELETE FROM connectors_samplesegment WHERE id = %s", [second.pk])
        second.save(force_insert=True)
    assert "history" in reasons(state)
    call_command("history_verify")
    assert "history" not in reasons(state)
