"""Hosts whose clocks are days apart: what the source dated well is not lost, and the clock is named."""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any, Self

import pytest
import redis
from celery import Celery
from django.test import Client
from django.utils import timezone

from connectors import selectors, services, tasks
from connectors.domain.columns import Columns, micros
from connectors.domain.trust import verdict
from connectors.models import (
    IngestReceipt,
    IngestTally,
    QuarantinedMessage,
    SignalDefinition,
    SignalSample,
    SpoolReport,
    Watermark,
)
from connectors.runner import Runner, _Followed
from connectors.selectors.trust import evidence_of
from connectors.services.ingest import FUTURE, Delivery, Result, deliveries_store
from connectors.services.quarantine import EVERY, Clocks
from connectors.spool import Spool
from connectors.transports.celery_broker import CeleryCarrier
from mom.embedded.valkey import EmbeddedValkey
from tests.factories.connectors import signal_make
from tests.factories.plant import account_make, actor_make, line_make

pytestmark = pytest.mark.django_db
SPOOL = uuid.uuid5(uuid.NAMESPACE_URL, "edge")
APART = timedelta(days=3)
SOON = timedelta(seconds=1)


@pytest.fixture
def signal() -> SignalDefinition:
    return signal_make(line_make(1).unit, "M1/value")


def tell(
    signal: SignalDefinition, *, source: datetime, arrival: datetime, now: datetime, sequence: int = 1
) -> Result:
    """Three values as a runner sends them, the task done twice."""
    told = Columns()
    for number in range(3):
        at = micros(source) + number
        told.add(signal.address, number, source_time=at, arrival_time=micros(arrival))
    one = Delivery(samples=told, receipt=(SPOOL, sequence), told=3)
    _, (result,) = deliveries_store(slug=signal.connection.slug, deliveries=[one], now=now)
    _, again = deliveries_store(slug=signal.connection.slug, deliveries=[one], now=now)
    assert again == []
    receipt = IngestReceipt.objects.get(sequence=sequence)
    assert receipt.received == receipt.stored + receipt.deduplicated + receipt.quarantined == 3
    return result


def stored(signal: SignalDefinition) -> list[object]:
    rows = selectors.samples_between(
        signal_ids=[signal.pk], start=datetime(2000, 1, 1, tzinfo=UTC), end=timezone.now() + 9 * APART
    )
    return [row.value for row in rows]


def reread(signal: SignalDefinition, now: datetime) -> list[int]:
    """How many values each message gave that somebody asks to be read again."""
    by = actor_make("engineer", signal.connection.site)
    messages = list(QuarantinedMessage.objects.order_by("pk").values_list("pk", flat=True))
    return [services.quarantine_reprocess(message_id=pk, by=by, now=now) for pk in messages]


def said_of(signal: SignalDefinition, now: datetime) -> list[str]:
    """What the page says of clocks."""
    found = evidence_of(connections=[signal.connection], now=now)[signal.connection_id]
    return [str(reason.text) for reason in verdict(found, now).reasons if reason.evidence == "clock"]


def test_values_dated_well_are_stored_although_the_runner_is_days_ahead(signal: SignalDefinition) -> None:
    now = timezone.now()
    result = tell(signal, source=now - SOON, arrival=now + APART, now=now)
    assert (result.stored, result.quarantined) == (3, 0)
    assert stored(signal) == [0, 1, 2]
    # Signed figures ask what came after: nothing comes after it was stored
    assert set(SignalSample.objects.values_list("arrival_time", flat=True)) == {now}
    least = IngestTally.objects.get().least_delay
    assert least is not None
    assert 0 <= least < 60


def test_a_runner_ahead_is_named_and_is_believed_again_as_soon_as_its_clock_is_right(
    signal: SignalDefinition, client: Client
) -> None:
    now, slug = timezone.now(), signal.connection.slug

    def report(at: datetime, received: int) -> None:
        said = {"at": at.isoformat(), "host": "edge", "usage": 0.1, "disk": [10**12, 10**11], "full": False}
        services.spool_report(spool=SPOOL, report={**said, "counted": {slug: [received, received]}})

    report(now + APART, 3)
    [told] = said_of(signal, now)
    assert "the runner's clock is 72 h" in told
    client.force_login(account_make("engineer", signal.connection.site))
    answer = client.get(f"/api/v1/connections/{slug}/trust").json()
    assert answer["verdict"] == "refuse"
    assert "clock" in {one["evidence"] for one in answer["reasons"]}
    report(now, 4)
    assert SpoolReport.objects.get().received == 4
    assert said_of(signal, now) == []

    tasks.tick(watermarks={slug: (now + APART).isoformat()})
    assert Watermark.objects.get().at <= timezone.now(), "else nothing later would count for three days"
    tasks.tick(watermarks={slug: (now - SOON).isoformat()})
    assert Watermark.objects.filter(at=now - SOON).exists()


@pytest.mark.parametrize("whose", ["runner ahead", "database behind"])
def test_what_is_dated_days_ahead_by_the_runner_too_is_kept_and_read_again(
    signal: SignalDefinition, whose: str
) -> None:
    true = timezone.now()
    then, now = (true + APART, true) if whose == "runner ahead" else (true, true - APART)
    assert tell(signal, source=then, arrival=then, now=now).quarantined == 3
    message = QuarantinedMessage.objects.get()
    assert (message.source, message.reason, message.count) == (EVERY, Clocks.AHEAD, 3)
    with pytest.raises(services.CannotReread, match=FUTURE):
        reread(signal, now)
    assert tell(signal, source=now, arrival=now, now=now, sequence=2).stored == 3, "what comes after"
    assert reread(signal, then + SOON) == [3]
    assert len(stored(signal)) == 6


def test_what_a_runner_days_behind_takes_for_the_future_is_kept_and_read_again(
    signal: SignalDefinition,
) -> None:
    now = timezone.now()
    assert tell(signal, source=now - SOON, arrival=now - APART, now=now).quarantined == 3
    message = QuarantinedMessage.objects.get()
    assert (message.reason, message.count) == (Clocks.BEHIND, 3)
    [told] = said_of(signal, now)
    assert "ahead of the runner's" in told
    assert reread(signal, now) == [3]
    assert reread(signal, now) == [0], "once"
    assert stored(signal) == [0, 1, 2]
    # They drive what is derived: none is later than it arrived
    assert set(SignalSample.objects.values_list("arrival_time", flat=True)) == {now}


def test_a_clock_that_starts_in_1970_stops_nothing(signal: SignalDefinition) -> None:
    now, born = timezone.now(), datetime(1970, 1, 1, 0, 5, tzinfo=UTC)
    assert tell(signal, source=born, arrival=born, now=now).quarantined == 3
    assert QuarantinedMessage.objects.get().reason == Clocks.PAST
    assert tell(signal, source=now, arrival=born, now=now, sequence=2).quarantined == 3
    assert QuarantinedMessage.objects.get(reason=Clocks.BEHIND).count == 3
    assert tell(signal, source=now, arrival=now, now=now, sequence=3).stored == 3


def test_many_batches_of_a_wrong_clock_are_kept_whatever_one_address_may_keep(
    signal: SignalDefinition, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.services.quarantine.KEPT_PER_SOURCE", 2)
    now = timezone.now()
    for number in range(5):
        at = now - timedelta(minutes=number + 1)
        tell(signal, source=at, arrival=at - APART, now=now, sequence=number)
    assert reread(signal, now) == [3] * 5
    assert len(stored(signal)) == 15


class Clock(datetime):
    wrong = APART

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return super().now(tz) + cls.wrong


async def test_a_runner_whose_clock_is_put_back_says_on_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("connectors.runner.datetime", Clock)
    monkeypatch.setattr(Clock, "wrong", APART)
    said: asyncio.Queue[datetime] = asyncio.Queue()

    class Carrier:
        async def send_tick(self, watermarks: dict[str, str]) -> None:
            said.put_nowait(datetime.fromisoformat(watermarks["c"]))

    async def nothing() -> None:
        return None

    spool = Spool(tmp_path / "s.sqlite")
    carrier: Any = Carrier()
    runner = Runner(spool, carrier, nothing, tick_seconds=0.01)
    ticking = asyncio.create_task(runner._tick_loop())
    runner._followed["c"] = _Followed(None, ticking, heard=True)
    try:
        async with asyncio.timeout(30):
            assert await said.get() > datetime.now(UTC)
            Clock.wrong = timedelta(0)
            while await said.get() > datetime.now(UTC):
                pass
    finally:
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)
        spool.close()


async def test_a_runner_far_behind_is_heard_and_its_clock_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it sends expires by no clock of its own; how old a word is counts by the clock of the broker."""
    valkey = EmbeddedValkey(tmp_path)
    valkey.start()
    app = Celery(broker=valkey.url)
    monkeypatch.setattr(app, "now", lambda: timezone.now() - APART)
    carrier = CeleryCarrier(app, valkey.url, ingest=("i", "q"), tick=("t", "q"), report=("r", "q"))
    client = redis.Redis.from_url(valkey.url)
    monkeypatch.setattr(tasks, "_redis", client)
    try:
        await carrier.send_tick({"c": "2026-01-01T00:00:00+00:00"})
        await carrier.send_report("s", {"at": "2026-01-01T00:00:00+00:00"})
        sent = [json.loads(one) for one in client.lrange("q", 0, -1)]
        assert [one["headers"]["expires"] for one in sent] == [None, None]
        (said,) = [told for told in map(body_of, sent) if "report" in told]
        assert timedelta(0) <= tasks._age(said["sent"]) < timedelta(seconds=60)
        assert tasks._age(said["sent"] - 90) >= timedelta(seconds=90), "it lay in the queue for so long"
    finally:
        client.close()
        await carrier.close()
        app.close()
        valkey.stop()


def body_of(message: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a task as the broker has it."""
    kwargs: dict[str, Any] = json.loads(base64.b64decode(message["body"]))[1]
    return kwargs


@pytest.mark.parametrize(("apart", "level"), [(90, "care"), (3600, "refuse")])
def test_a_runner_behind_is_what_is_wrong_not_the_source(
    signal: SignalDefinition, apart: int, level: str
) -> None:
    """Its reports come although its clock is behind; the source only seems to be ahead."""
    now, slug = timezone.now(), signal.connection.slug
    behind = now - timedelta(seconds=apart)
    tell(signal, source=now, arrival=behind, now=now)
    said = {"at": behind.isoformat(), "host": "edge", "usage": 0.1, "disk": [10**12, 10**11], "full": False}
    report = {**said, "counted": {slug: [3, 3]}}
    tasks.spool_report(spool=str(SPOOL), report=report)
    [told] = said_of(signal, now)
    assert told.startswith("the runner's clock is ")
    assert told.endswith(" behind ours")
    found = evidence_of(connections=[signal.connection], now=now)[signal.connection_id]
    assert level in {
        reason.level.value for reason in verdict(found, now).reasons if reason.evidence == "clock"
    }
    assert not [reason for reason in verdict(found, now).reasons if "not reported" in str(reason.text)]
