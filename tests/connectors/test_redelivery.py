"""A message that has neither time nor number, and comes again: stored once, and no other taken for it."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from hypothesis import given
from hypothesis import strategies as st
from paho.mqtt.enums import CallbackAPIVersion

from connectors.domain.columns import decode
from connectors.domain.redelivery import Unconfirmed
from connectors.interface import SampleBatch
from connectors.protocols.mqtt import MqttConnector
from connectors.spool import Spool
from tests.connectors.peers import Mosquitto
from tests.connectors.peers import values as read
from tests.connectors.stack import ROOT
from tests.connectors.test_mqtt import Publisher, connector
from tests.connectors.test_mqtt_lost import BARE

STEPS = st.lists(
    st.tuples(st.sampled_from(["new", "new", "ping", "killed", "lost"]), st.integers(0, 1)), max_size=40
)


class Disk:
    """What a spool keeps of it."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def write(self, told: Unconfirmed) -> None:
        for name, value in told.news().items():
            self.kept.pop(name, None)
            if value is not None:
                self.kept[name] = value


@given(STEPS)
def test_only_what_a_broker_that_counts_up_may_not_have_read_is_a_copy(steps: list[tuple[str, int]]) -> None:
    """Everything stored since its last answered PINGREQ is in doubt, in this process and the next."""
    disk, unconfirmed, doubtful, pings, mid = Disk(), Unconfirmed("a"), dict[int, int](), 0, 0
    for step, said in steps:
        if step == "new":
            mid += 1
            unconfirmed.sent_anew(mid)
            unconfirmed.note([(mid, said)])
            disk.write(unconfirmed)
            unconfirmed.stored([(mid, said)], pings)
            doubtful[mid] = said
        elif step == "ping":
            pings += 1
            unconfirmed.answered(pings)
            disk.write(unconfirmed)
            doubtful.clear()
        elif step == "killed":
            unconfirmed, pings = Unconfirmed("a", disk.kept), 0
            unconfirmed.connected(kept=True)
        else:
            unconfirmed.connected(kept=False)
            disk.write(unconfirmed)
            doubtful, pings, mid = {}, 0, 0
        for any_mid in range(1, mid + 1):
            for any_said in (0, 1):
                copy = any_mid in doubtful and doubtful[any_mid] == any_said
                assert unconfirmed.again(any_mid, any_said) == copy
        assert len(Unconfirmed("a", disk.kept)) == len(doubtful)
        assert len(Unconfirmed("b", disk.kept)) == 0


def test_a_broker_that_gives_out_an_id_anew_at_once_has_its_copies_kept() -> None:
    """Whether it has read the PUBACK cannot be known; where none was sent, it can."""
    disk, unconfirmed = Disk(), Unconfirmed("a")
    for _ in range(2):
        unconfirmed.sent_anew(1)
        unconfirmed.note([(1, 7)])
        disk.write(unconfirmed)
        unconfirmed.stored([(1, 7)], 0)
    assert not unconfirmed.again(1, 7)
    assert not Unconfirmed("a", disk.kept).again(1, 7)
    unconfirmed.stored([(1, 7)], 0, told=False)
    assert unconfirmed.again(1, 7)
    unconfirmed.connected(kept=False)
    disk.write(unconfirmed)
    assert disk.kept == {}


def test_ids_that_begin_anew_after_the_highest_go_on() -> None:
    unconfirmed = Unconfirmed("a")
    for mid in (65_534, 65_535, 1, 2):
        unconfirmed.sent_anew(mid)
        unconfirmed.stored([(mid, 7)], 0)
    assert unconfirmed.again(65_535, 7)


def test_copies_that_were_never_stored_are_no_ids_given_out_anew() -> None:
    """Heard, not stored when the link was cut: the broker begins again before the last id that was heard."""
    unconfirmed = Unconfirmed("a")
    for mid in (5, 6, 7):
        unconfirmed.sent_anew(mid)
    unconfirmed.stored([(5, 9)], 0)
    unconfirmed.connected(kept=True)
    assert unconfirmed.again(5, 9)
    for mid in (6, 7):
        assert not unconfirmed.again(mid, 9)
        unconfirmed.sent_anew(mid, dup=True)
    unconfirmed.sent_anew(8)
    assert unconfirmed.again(5, 9)
    assert unconfirmed.news() == {}


@pytest.mark.parametrize("value", [b"123", b""])
def test_what_a_disk_damaged_is_forgotten(value: bytes) -> None:
    unconfirmed = Unconfirmed("a", {"a/00x1": value, "a/": value, "a": value, "a/1": b"123"})
    assert len(unconfirmed) == 0
    assert unconfirmed.news() == {"a/00x1": None, "a/": None, "a": None, "a/1": None}


# -- what a broker retains, and what its session holds -----------------------------------------------------


async def session_of(made: MqttConnector, publisher: Publisher, marker: int) -> list[SampleBatch]:
    """What one session brings up to a marker; then it is left."""
    batches, stream = list[SampleBatch](), made.batches()
    async with contextlib.aclosing(stream):  # type: ignore[type-var]
        async for batch in stream:
            if not batches:
                publisher.send("plant/M1/marker", marker)
            batches.append(batch)
            await made.acknowledge(batch)
            if marker in read(batches, "M1/marker"):
                break
    return batches


async def test_what_the_broker_retains_is_stored_once_however_often_it_is_told(broker: Mosquitto) -> None:
    made, publisher = connector(broker, mappings=BARE), Publisher(broker)

    async def pulses(marker: int) -> list[Any]:
        return read(await session_of(made, publisher, marker), "M1/pulse")

    def publish(body: bytes, qos: int) -> None:
        publisher.client.publish("plant/M1/pulse", body, qos=qos, retain=True).wait_for_publish(30)

    assert await pulses(1) == []
    publish(b"1", 1)
    assert await pulses(2) == [1]
    assert await pulses(3) == []
    publish(b"1", 1)
    assert await pulses(4) == [1], "another pulse"
    publish(b"2", 0)
    assert (await pulses(5), await pulses(6)) == ([2], [2]), "QoS 0: it may be another"
    publisher.stop()


async def test_topics_no_longer_mapped_leave_the_brokers_session(broker: Mosquitto) -> None:
    wider = connector(broker, mappings=({"topic": "other/{equipment}", "value": ""}, *BARE))
    publisher = Publisher(broker)
    remembered: dict[str, bytes | None] = {}
    for batch in await session_of(wider, publisher, 1):
        remembered |= batch.remember
    narrower = connector(broker, mappings=BARE, remembered={k: v for k, v in remembered.items() if v})
    await session_of(narrower, publisher, 2)
    publisher.send("other/M1", 7)
    assert [batch.malformed for batch in await session_of(narrower, publisher, 3) if batch.malformed] == []
    publisher.stop()


# -- a runner that is killed -------------------------------------------------------------------------------

RUNNER = """
import asyncio, os, signal, sys
from pathlib import Path
import connectors.runner
from connectors.protocols.mqtt import MqttConnector
from connectors.runner import Runner
from connectors.spool import Spool

folder, broker, killed = sys.argv[1:]
acknowledge = MqttConnector.acknowledge

async def passed(self, batch):
    values = [sample.value for sample in batch.samples]
    if values and killed == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    await acknowledge(self, batch)
    if values and killed == "after":
        os.kill(os.getpid(), signal.SIGKILL)
    if 2 in values:
        stop.set()

MqttConnector.acknowledge = passed

class Nobody:
    async def send_ingest(self, *arguments, **named): raise OSError("no workers here")
    send_tick = send_report = send_ingest
    async def answers(self, spool, wait):
        await asyncio.sleep(wait)
        return []

async def wanted():
    mappings = [{"topic": "plant/{equipment}/{signal}", "value": ""}]
    config = {"broker": broker, "client_id": "mom", "mappings": mappings}
    return [{"slug": "m", "protocol": "mqtt", "config": config, "addresses": []}]

async def main():
    global stop
    stop = asyncio.Event()
    spool = Spool(Path(folder) / "spool.db")
    await Runner(spool, Nobody(), wanted).run(stop)
    spool.close()

connectors.runner.DRAIN_SECONDS = 0.0
asyncio.run(main())
"""


@contextlib.contextmanager
def runner(folder: Path, broker: Mosquitto, killed: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-c", RUNNER, str(folder), broker.url, killed]
    process = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)})
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait(30)


def values(folder: Path) -> list[Any]:
    spool = Spool(folder / "spool.db")
    entries = spool.after("m", 0, limit=1000)
    spool.close()
    return [sample.value for entry in entries if entry.samples for sample in decode(entry.samples)]


@pytest.mark.parametrize("killed", ["before", "after"])
def test_a_runner_killed_between_its_commit_and_its_puback_stores_nothing_twice(
    tmp_path: Path, broker: Mosquitto, killed: str
) -> None:
    """Nor does it take the next pulse, which says the same, for a copy."""
    subscribed(broker)
    publisher = Publisher(broker)
    with runner(tmp_path, broker, killed) as first:
        publisher.send("plant/M1/pulse", 1)
        assert wait(first) == -signal.SIGKILL
    publisher.send("plant/M1/pulse", 1)
    publisher.send("plant/M1/pulse", 2)
    with runner(tmp_path, broker, "never") as second:
        assert wait(second) == 0
    publisher.stop()
    assert values(tmp_path) == [1, 1, 2]


def subscribed(broker: Mosquitto) -> None:
    """The broker has a queue for the runner, before it first comes."""
    client, done = paho.Client(CallbackAPIVersion.VERSION2, "mom", clean_session=False), threading.Event()
    client.on_subscribe = lambda *_: done.set()
    client.connect("127.0.0.1", broker.port)
    client.loop_start()
    client.subscribe("plant/+/+", 1)
    assert done.wait(30)
    client.disconnect()
    client.loop_stop()


def wait(process: subprocess.Popen[bytes]) -> int:
    return process.wait(60)
