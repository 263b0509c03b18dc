from __future__ import annotations

from pathlib import Path

import pytest
import redis
from celery import Celery

from connectors.domain.shipping import (
    EARLIER_IN_FLIGHT,
    FAILED_WAIT,
    HOLD_BYTES,
    HOLD_SECONDS,
    IN_FLIGHT,
    PER_CONNECTION,
    SHIPMENT_VALUES,
    Lanes,
    Shipping,
    fitting,
)
from connectors.spool import Entry
from connectors.transports import celery_broker
from connectors.transports.celery_broker import MOST_WAITING, CeleryCarrier, Crowded
from mom.embedded.valkey import EmbeddedValkey


def test_the_first_goes_at_once_and_little_waits_for_its_answer_or_a_moment() -> None:
    shipping = Shipping()
    shipping.spooled("a", 100)
    assert not shipping.held("a", 0.0)
    shipping.begin("a", {1: b""}, now=0.0, more=False)
    shipping.spooled("a", 100)
    assert shipping.held("a", HOLD_SECONDS / 2)
    assert not shipping.held("b", HOLD_SECONDS / 2), "connections do not wait for each other"
    assert not shipping.held("a", HOLD_SECONDS)
    shipping.begin("b", {2: b""}, now=0.0, more=False)
    assert shipping.held("a", HOLD_SECONDS), "longer when more is on its way"
    shipping.stored([1], 0.0)
    assert not shipping.held("a", 0.0)


def test_much_does_not_wait_for_company_but_only_so_many_are_on_their_way() -> None:
    shipping = Shipping()
    for number in range(PER_CONNECTION):
        shipping.spooled("a", HOLD_BYTES)
        assert not shipping.held("a", 0.0)
        shipping.begin("a", {number: b""}, now=0.0, more=False)
    shipping.spooled("a", HOLD_BYTES)
    assert shipping.held("a", 100.0)
    for number in range(IN_FLIGHT - PER_CONNECTION):
        shipping.begin(f"b{number}", {100 + number: b""}, now=0.0, more=False)
    assert shipping.held("c", 100.0)


def test_a_backlog_found_on_disk_goes_without_waiting() -> None:
    shipping = Shipping()
    shipping.begin("a", {1: b""}, now=0.0, more=True)
    assert not shipping.held("a", 0.0)


def test_what_is_not_answered_is_sent_again_later_each_time_and_sooner_when_it_failed() -> None:
    shipping = Shipping()
    shipment = shipping.begin("a", {1: b"", 2: b""}, now=0.0, more=False)
    shipment.sent(0.0)
    first = shipment.due
    assert shipping.due(first) == [shipment]
    shipment.sent(first)
    assert shipment.due - first > first
    shipping.failed([2], 100.0)
    assert 100.0 < shipment.due <= 105.0
    shipping.stored([1], 103.0)
    assert shipping.shipments == [shipment]
    shipping.stored([2], 104.0)
    assert shipping.shipments == []


def test_a_broker_that_forgot_gets_everything_again_at_once() -> None:
    shipping = Shipping()
    shipment = shipping.begin("a", {1: b""}, now=0.0, more=False)
    for _ in range(4):
        shipment.sent(0.0)
    shipping.forgotten(20.0)
    assert shipping.due(20.0) == [shipment]
    shipment.sent(20.0)
    assert shipping.due(31.0) == [shipment], "its next wait is the shortest"


async def test_what_the_broker_forgot_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(celery_broker, "ASK_EVERY", 0.0)
    valkey = EmbeddedValkey(tmp_path)
    valkey.start()
    carrier = CeleryCarrier(Celery(), valkey.url, ingest=("i", "q"), tick=("t", "q"), report=("r", "q"))
    client = redis.Redis.from_url(valkey.url)
    try:
        assert await carrier.answers("s", 0.01) == [], "its first words are no loss"
        client.flushall()
        assert await carrier.answers("s", 0.01) == [{"forgotten": True}]
        assert await carrier.answers("s", 0.01) == []
        client.rpush(celery_broker.REPLY.format("s"), b'{"stored":[1]}')
        assert await carrier.answers("s", 1) == [{"stored": [1]}]
    finally:
        client.close()
        await carrier.close()
        valkey.stop()


async def test_without_workers_copies_ticks_and_reports_do_not_fill_the_broker(tmp_path: Path) -> None:
    valkey = EmbeddedValkey(tmp_path)
    valkey.start()
    app = Celery(broker=valkey.url)
    carrier = CeleryCarrier(app, valkey.url, ingest=("i", "q"), tick=("t", "ticks"), report=("r", "ticks"))
    client = redis.Redis.from_url(valkey.url)
    try:
        for _ in range(MOST_WAITING):
            await carrier.send_ingest("s", "c", [], again=True)
            await carrier.send_tick({})
        for refused in (carrier.send_ingest("s", "c", [], again=True), carrier.send_tick({})):
            with pytest.raises(Crowded, match=f"{MOST_WAITING} tasks wait"):
                await refused
        with pytest.raises(Crowded):
            await carrier.send_report("s", {})
        await carrier.send_ingest("s", "c", [])
        assert client.llen("q") == MOST_WAITING + 1, "what was never sent is sent"
        client.delete("q")
        await carrier.send_ingest("s", "c", [], again=True)
        assert client.llen("q") == 1
    finally:
        client.close()
        await carrier.close()
        app.close()
        valkey.stop()


def test_what_is_new_goes_before_what_waits_and_everything_goes_once() -> None:
    lanes, sent = Lanes(), []

    def send(number: int, *, live: bool) -> None:
        sent.append(number)
        lanes.sent(number, live=live)

    assert lanes.next(live=False) is None
    send(2, live=True)
    lanes.put_aside(5)
    send(6, live=True)
    lanes.put_aside(8)
    send(9, live=True)
    lanes.put_aside(9)
    while (waiting := lanes.next(live=False)) is not None:
        after, last = waiting
        if after == last:
            lanes.empty()
        else:
            send(after + 1, live=False)
    assert sent == [2, 6, 9, 3, 4, 5, 7, 8]
    assert lanes.next(live=True) == (9, None)


def test_a_backlog_leaves_room_for_what_is_new_and_connections_take_turns() -> None:
    shipping, names, turns = Shipping(), ["a", "b", "c"], []
    for number in range(1, 10):
        for name in shipping.in_turn(names):
            shipping.lanes(name).put_aside(number * 10)
            if not shipping.held(name, 0.0, live=False):
                shipping.begin(name, {number: b""}, now=0.0, more=True, live=False)
                turns.append(name)
            assert not shipping.held(name, 0.0)
        assert len(shipping.shipments) == EARLIER_IN_FLIGHT
        shipping.shipments.pop(0)
    assert {turns[-3:].count(name) for name in names} == {1}


def test_the_first_that_is_stored_after_an_outage_lets_the_refused_go_and_one_alone_waits() -> None:
    shipping = Shipping()
    waiting, poison = (
        shipping.begin(name, {n: b""}, now=0.0, more=False) for n, name in ((1, "a"), (2, "b"))
    )
    shipping.failed([1, 2], 50.0)
    shipping.begin("c", {3: b""}, now=50.0, more=False)
    shipping.stored([3], 51.0)
    assert (waiting.due, poison.due) == (51.0, 51.0)
    shipping.failed([2], 51.1)
    shipping.begin("c", {4: b""}, now=51.1, more=False)
    shipping.stored([4], 51.2)
    assert poison.due == 51.1 + FAILED_WAIT, "others are stored meanwhile: it is its own fault"


def test_a_task_is_worth_a_second_of_a_worker() -> None:
    batches = [Entry(number, "c", 0, b"", "{}", SHIPMENT_VALUES // 2) for number in range(4)]
    assert fitting(batches) == batches[:2]
    assert fitting(batches, live=False) == batches[:1]
    whole = Entry(9, "c", 0, b"", "{}", 3 * SHIPMENT_VALUES)
    assert fitting([whole, *batches]) == [whole]
    assert fitting([]) == []
