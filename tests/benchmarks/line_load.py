"""A line of four machines, and a Sparkplug edge that tells 1,000 of its values a second."""

from __future__ import annotations

import contextlib
import queue
import random
import threading
import time
from collections.abc import Iterator
from datetime import timedelta

from django.utils import timezone

from production.services import job_order_start
from tests.connectors.edge import Edge
from tests.connectors.peers import Mosquitto
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import Line, line_make
from tests.factories.production import PLANNER, order_make, rate_make

PER_MESSAGE, MESSAGES_PER_SECOND = 20, 50
STATES = {"6": "execute", "9": "aborted"}
EXECUTE, ABORTED = 6, 9
GROUP, NODE = "bench", "line"


def line_prepare() -> Line:
    """Each machine tells its state and ten values; the first paces the line, which runs an order."""
    line = line_make(4, code="LAT")
    config = {"broker": "$MQTT_URL", "host_id": "bench"}
    made = connection_make(line.site, slug="bench", protocol="sparkplug", config=config, state_map=STATES)
    for unit in line.units:
        rate_make(unit, 100_000)
        for name, role in _metrics(unit.code):
            signal_make(unit, f"{GROUP}/{NODE}:{name}", role=role, connection=made)
    order = order_make(line, quantity=1_000_000)
    job_order_start(job_order_id=order.pk, at=timezone.now() - timedelta(minutes=1), by=PLANNER)
    return line


def _metrics(unit: str) -> list[tuple[str, str]]:
    counters = [(f"{unit}/good", "good_count"), (f"{unit}/scrap", "scrap_count")]
    values = [(f"{unit}/v{number}", "process_value") for number in range(8)]
    return [(f"{unit}/state", "state"), *counters, *values]


class Load(threading.Thread):
    """The edge: 20 values a message, 50 messages a second; the first machine's state when it is asked for."""

    def __init__(self, broker: Mosquitto, line: Line) -> None:
        super().__init__(daemon=True)
        first = {"state": EXECUTE, "process_value": 70.0}
        metrics = {name: first.get(role, 0) for unit in line.units for name, role in _metrics(unit.code)}
        self.edge = Edge("127.0.0.1", broker.port, GROUP, NODE, metrics)
        self.changing = [name for name in metrics if not name.endswith("/state")]
        self.state = f"{line.unit.code}/state"
        self.wanted: queue.SimpleQueue[int] = queue.SimpleQueue()
        self.changed: queue.SimpleQueue[float] = queue.SimpleQueue()
        self.ended = threading.Event()
        self.sent, self.began = 0, time.monotonic()

    def change(self, state: int) -> float:
        """Seconds since 1970 at which the source changed."""
        self.wanted.put(state)
        return self.changed.get(timeout=10)

    def run(self) -> None:
        self.edge.birth()
        due, number = time.monotonic(), 0
        while not self.ended.is_set():
            if self.edge.rebirth_wanted:
                self.edge.birth()
            if not self.wanted.empty():
                # Sparkplug tells whole milliseconds.
                self.changed.put(time.time_ns() // 1_000_000 / 1000)
                self.edge.send({self.state: self.wanted.get()})
            some = self.changing[number % 2 :: 2][:PER_MESSAGE]
            self.edge.send({name: self._next(name) for name in some})
            self.sent += len(some)
            number += 1
            due += 1 / MESSAGES_PER_SECOND
            time.sleep(max(0.0, due - time.monotonic()))
        self.edge.stop()

    def _next(self, name: str) -> float:
        before = self.edge.metrics[name]
        return before + 1 if isinstance(before, int) else round(random.gauss(70, 2), 3)

    @property
    def per_second(self) -> float:
        return self.sent / (time.monotonic() - self.began)


@contextlib.contextmanager
def load(broker: Mosquitto, line: Line) -> Iterator[Load]:
    running = Load(broker, line)
    running.start()
    try:
        yield running
    finally:
        running.ended.set()
        running.join(10)
