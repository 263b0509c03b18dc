"""Source → spool → acknowledge → Celery → PostgreSQL → reply, with real processes in between."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from connectors import selectors
from connectors.models import Connection, Gap, SignalSample, Watermark
from connectors.selectors.trust import evidence_of
from connectors.spool import Spool
from tests.connectors.edge import Edge
from tests.connectors.peers import Mosquitto
from tests.connectors.stack import Stack, database_url, stack, wait_until
from tests.connectors.test_mqtt import Publisher
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import Line, line_make

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def line() -> Line:
    return line_make(1)


@pytest.fixture
def mqtt(line: Line) -> Connection:
    made = connection_make(
        line.site,
        slug="mqtt",
        config={
            "broker": "$MQTT_URL",
            "client_id": "mom",
            "mappings": [{"topic": "plant/{equipment}/{signal}", "value": "v", "number": "n"}],
        },
    )
    signal_make(line.unit, "M1/count", connection=made, role="good_count")
    return made


@pytest.fixture
def running(tmp_path: Path, broker: Mosquitto) -> Iterator[Stack]:
    with stack(tmp_path, database=database_url(), mqtt=broker.url) as made:
        yield made


def counts() -> list[int]:
    return sorted(int(value or 0) for value in SignalSample.objects.values_list("v_int", flat=True))


def test_kills_of_runner_and_worker_and_a_lost_redis_lose_and_double_nothing(
    mqtt: Connection, running: Stack, broker: Mosquitto
) -> None:
    worker, runner = running.worker(), running.runner("--all")
    publisher, sent = Publisher(broker), 0

    def publish(how_many: int) -> None:
        nonlocal sent
        for _ in range(how_many):
            publisher.send("plant/M1/count", {"v": sent, "n": sent})
            sent += 1

    wait_until(lambda: Watermark.objects.exists(), seconds=60, what="first watermark")
    publish(100)
    wait_until(lambda: len(counts()) == sent, seconds=60, what="first hundred")
    runner.kill()
    runner.wait()
    publish(100)
    running.runner("--all")
    publish(50)
    worker.kill()
    worker.wait()
    publish(50)
    running.worker()
    running.valkey.stop()
    publish(50)
    running.valkey.start()
    publish(50)
    wait_until(lambda: len(counts()) >= sent, seconds=60, what=f"all of {sent}")
    assert counts() == list(range(sent))
    gaps = {(gap.cause, gap.recovered) for gap in Gap.objects.filter(end_time__isnull=False)}
    assert ("process_down", "broker_queue") in gaps

    def closes() -> bool:
        told = evidence_of(connections=[mqtt], now=timezone.now())[mqtt.pk].balance
        return (told.in_spool, told.difference, told.stored) == (0, 0, sent)

    # What the runners counted on their disk and what the database counted are the same
    wait_until(closes, seconds=60, what="the sum of data trust, closed")
    publisher.stop()


def test_a_runner_stops_cleanly_with_an_empty_spool_and_an_edge_runner_needs_no_database(
    mqtt: Connection, running: Stack, broker: Mosquitto, tmp_path: Path
) -> None:
    exported = tmp_path / "edge.json"
    call_command("connector_export", "mqtt", output=exported)
    assert json.loads(exported.read_text())[0]["addresses"] == ["M1/count"]
    running.worker()
    running.environment = {**running.environment, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"}
    runner = running.runner("--config", str(exported))
    wait_until(lambda: Watermark.objects.exists(), seconds=60, what="first watermark")
    publisher = Publisher(broker)
    publisher.send("plant/M1/count", {"v": 5, "n": 1})
    wait_until(lambda: counts() == [5], seconds=60, what="the value")
    spool = tmp_path / "data" / "spool" / "edge.sqlite"
    runner.send_signal(signal.SIGTERM)
    assert runner.wait(15) == 0
    left = Spool(spool)
    assert len(left) == 0
    left.close()
    publisher.stop()


def test_sparkplug_reaches_the_database_and_silence_is_put_on_record(
    line: Line, running: Stack, broker: Mosquitto
) -> None:
    made = connection_make(
        line.site, slug="spb", protocol="sparkplug", config={"broker": "$MQTT_URL", "host_id": "mom"}
    )
    state = signal_make(line.unit, "G/E:State", connection=made, role="state")
    running.worker()
    running.runner("spb")
    edge = Edge("127.0.0.1", broker.port, "G", "E", {"State": 1})
    wait_until(lambda: Watermark.objects.exists(), seconds=60, what="first watermark")
    edge.birth()
    edge.send({"State": 6})

    def seen() -> list[Any]:
        return list(
            SignalSample.objects.filter(signal_id=state.pk)
            .order_by("source_time")
            .values_list("v_int", flat=True)
        )

    wait_until(lambda: len(seen()) == 2, seconds=60, what="two values")
    horizon = selectors.horizon_for(equipment_id=line.unit.pk)
    edge.die()
    wait_until(lambda: Gap.objects.filter(end_time__isnull=True).exists(), seconds=60, what="an open gap")
    moved = selectors.horizon_for(equipment_id=line.unit.pk)
    assert horizon is not None
    assert moved is not None
    wait_until(
        lambda: (selectors.horizon_for(equipment_id=line.unit.pk) or moved) > moved,
        seconds=60,
        what="a later watermark",
    )
    assert Gap.objects.get(end_time__isnull=True).equipment_id == line.unit.pk


def test_a_gap_left_open_by_a_killed_runner_is_closed_by_the_next_one(
    line: Line, running: Stack, broker: Mosquitto
) -> None:
    made = connection_make(
        line.site, slug="spb", protocol="sparkplug", config={"broker": "$MQTT_URL", "host_id": "mom"}
    )
    signal_make(line.unit, "G/E:State", connection=made, role="state")
    running.worker()
    broker.stop()
    first = running.runner("spb")
    wait_until(lambda: Gap.objects.filter(cause="connection_down").exists(), seconds=60, what="an open gap")
    first.kill()
    first.wait()
    broker.start()
    running.runner("spb")

    def all_closed() -> bool:
        keys = set(Gap.objects.values_list("key", flat=True))
        return bool(keys) and keys == set(
            Gap.objects.filter(end_time__isnull=False).values_list("key", flat=True)
        )

    wait_until(all_closed, seconds=60, what="every gap closed")
    assert {"connection_down", "process_down"} <= set(Gap.objects.values_list("cause", flat=True))


def test_a_changed_connection_is_taken_up_without_a_restart(
    mqtt: Connection, running: Stack, broker: Mosquitto
) -> None:
    running.worker()
    running.runner("mqtt")
    publisher = Publisher(broker)
    wait_until(lambda: Watermark.objects.exists(), seconds=60, what="first watermark")
    mqtt.config["mappings"][0]["topic"] = "site/{equipment}/{signal}"
    mqtt.save()
    sent = 0

    def arrived() -> bool:
        nonlocal sent
        sent += 1
        publisher.send("site/M1/count", {"v": 1, "n": sent})
        return bool(counts())

    wait_until(arrived, seconds=60, what="a value under the new topic")
    publisher.stop()
