from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import paho.mqtt.client as mqtt
import pytest

from mom.embedded.broker import EmbeddedBroker, connect_accepted, mosquitto_program
from tests.mom.embedded.programs import alive, line_read, run_program, wait_until

SERVE = """
import sys, time, pathlib
from mom.embedded.broker import EmbeddedBroker
server = EmbeddedBroker(pathlib.Path(sys.argv[1]), kind=sys.argv[2])
server.start()
print(server.process_id, flush=True)
time.sleep(600)
"""
KINDS = ["mosquitto", "amqtt"]


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    if request.param == "mosquitto" and mosquitto_program() is None:
        pytest.skip("mosquitto is not installed; .ci/run installs it")
    return str(request.param)


@pytest.fixture
def folder() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="a plant's data, été "))
    root.chmod(0o711)
    yield root / "broker"
    shutil.rmtree(root)


def client_for(server: EmbeddedBroker, name: str, *, clean: bool = True) -> mqtt.Client:
    url = urlsplit(server.url)
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, clean_session=clean)
    client.username_pw_set(url.username or "", url.password)
    client.connect(url.hostname or "", url.port or 0)
    client.loop_start()
    return client


def test_carries_a_message_and_refuses_strangers(folder: Path, kind: str) -> None:
    server = EmbeddedBroker(folder, kind=kind)
    server.start()
    try:
        assert server.port is not None
        assert not connect_accepted(server.port, "mom", "wrong")
        assert not connect_accepted(server.port, "stranger", "")
        arrived, subscribed = threading.Event(), threading.Event()
        listener = client_for(server, "listener")
        listener.on_message = lambda *_: arrived.set()
        listener.on_subscribe = lambda *_: subscribed.set()
        listener.subscribe("plant/line", qos=1)
        assert subscribed.wait(10)
        speaker = client_for(server, "speaker")
        speaker.publish("plant/line", b"1", qos=1).wait_for_publish(10)
        assert arrived.wait(10)
        for client in (listener, speaker):
            client.disconnect()
            client.loop_stop()
    finally:
        pid = server.process_id
        server.stop()
    assert pid is not None
    assert not alive(pid)


def test_killed_parent_leaves_no_broker(folder: Path, kind: str) -> None:
    program = run_program(SERVE, str(folder), kind)
    pid = int(line_read(program))
    assert alive(pid)
    program.kill()
    program.wait()
    assert wait_until(lambda: not alive(pid))


@pytest.mark.skipif(mosquitto_program() is None, reason="mosquitto is not installed; .ci/run installs it")
def test_mosquitto_keeps_a_sessions_queue_over_a_restart(folder: Path) -> None:
    server = EmbeddedBroker(folder, kind="mosquitto")
    server.start()
    subscribed = threading.Event()
    listener = client_for(server, "runner", clean=False)
    listener.on_subscribe = lambda *_: subscribed.set()
    listener.subscribe("plant/#", qos=1)
    assert subscribed.wait(10)
    listener.disconnect()
    listener.loop_stop()
    speaker = client_for(server, "speaker")
    messages = 1500  # past the 1,000 a default Mosquitto would keep
    for number in range(messages):
        last = speaker.publish("plant/line", str(number), qos=1)
    last.wait_for_publish(20)
    speaker.disconnect()
    speaker.loop_stop()
    server.stop()
    server.start()
    received: list[bytes] = []
    again = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id="runner", clean_session=False)
    again.on_message = lambda _client, _data, message: received.append(bytes(message.payload))
    url = urlsplit(server.url)
    again.username_pw_set(url.username or "", url.password)
    again.connect(url.hostname or "", url.port or 0)
    again.loop_start()
    try:
        assert wait_until(lambda: len(received) >= messages)
        assert [int(payload) for payload in received] == list(range(messages))
    finally:
        again.disconnect()
        again.loop_stop()
        server.stop()
