"""What two machines say while they work off two orders, and the device that says it to a broker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from connectors.domain.columns import Columns, instant, micros
from connectors.models import Connection, SignalSample
from plant.domain.samples import Sample
from production.models import JobOrder
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import Line, line_make
from tests.factories.production import PACKML, STATES, order_make, rate_make
from tests.scale.hosts import Host
from tests.scale.servers import MQTT

ROLES = {"state": "state", "good": "good_count", "order": "order", "pulse": "process_value"}
STEPS = 300
# Of the steps, those at which a machine changes: stops of 20, 7 and 40 s
CHANGES = {
    0: "execute",
    60: "held",
    80: "execute",
    150: "starved",
    157: "execute",
    200: "stopped",
    240: "execute",
}
ORDERS = {5: "1", 140: "2", 290: ""}


@dataclass(frozen=True, slots=True)
class Said:
    """``at``: microseconds since 1970."""

    address: str
    value: int | str
    at: int


@dataclass(frozen=True)
class Floor:
    """A line, its connection and its two orders."""

    code: str
    line: Line
    connection: Connection
    orders: list[JobOrder]
    signals: dict[int, str]

    def kept(self) -> Counter[Said]:
        rows = SignalSample.objects.filter(signal_id__in=self.signals)
        return Counter(
            Said(self.signals[pk], text or int(number or 0), micros(at))
            for pk, number, text, at in rows.values_list("signal_id", "v_int", "v_text", "source_time")
        )


def floor_make(code: str, product: Any) -> Floor:
    line = line_make(2, code=code)
    topics = {"topic": f"{code}/{{unit}}/{{signal}}", "value": "v", "time": "t", "time_unit": "us"}
    config = {"broker": "$MQTT_URL", "client_id": code, "mappings": [topics]}
    made = connection_make(line.site, slug=code.lower(), config=config, state_map=PACKML | {"51": "starved"})
    signals = {
        signal_make(unit, f"{number}/{name}", role=role, connection=made).pk: f"{number}/{name}"
        for number, unit in enumerate(line.units)
        for name, role in ROLES.items()
    }
    for unit in line.units:
        rate_make(unit, 1800)
    orders = [order_make(line, code=f"{code}-{number}", product=product, quantity=100) for number in (1, 2)]
    return Floor(code, line, made, orders, signals)


def history(code: str, start: datetime) -> list[Said]:
    """In order of time, a second a step; a piece every two seconds while a machine runs."""
    found: list[Said] = []
    for unit, pieces in ((0, 1000), (1, 77)):
        running = False
        for step in range(STEPS):
            at = micros(start + timedelta(seconds=step + unit * 3))
            if state := CHANGES.get(step):
                running = state == "execute"
                found.append(Said(f"{unit}/state", int(STATES[state]), at))
            if step in ORDERS:
                found.append(Said(f"{unit}/order", f"{code}-{ORDERS[step]}" if ORDERS[step] else "-", at))
            if running and step % 2 == 0:
                pieces += 1
                found.append(Said(f"{unit}/good", pieces, at))
    return sorted(found, key=lambda said: said.at)


def pulses(start: datetime) -> Iterator[list[Said]]:
    """Values that belong to no order's figures, twenty at a time, for as long as they are wanted."""
    number = 0
    while True:
        yield [Said("0/pulse", number + i, micros(start) + (number + i) * 1000) for i in range(20)]
        number += 20


def columns(history: Iterable[Said]) -> Columns:
    samples = (Sample(said.address, instant(said.at), said.value) for said in history)
    return Columns.of(samples, arrival_time=micros(datetime.now().astimezone()))


class Device:
    """Speaks to the broker of ``host`` at QoS 1 and writes down what was acknowledged."""

    def __init__(self, host: Host, code: str) -> None:
        self.said: Counter[Said] = Counter()
        self._code = code
        self._client = paho.Client(CallbackAPIVersion.VERSION2, client_id="device")
        self._client.max_inflight_messages_set(1000)
        host.do(lambda: self._client.connect("127.0.0.1", MQTT))
        self._client.loop_start()

    def say(self, some: Iterable[Said]) -> None:
        sent = []
        for said in some:
            body = orjson.dumps({"v": said.value, "t": said.at})
            sent.append((said, self._client.publish(f"{self._code}/{said.address}", body, qos=1)))
        for said, message in sent:
            message.wait_for_publish(30)
            assert message.is_published(), f"the broker did not take {said}"
            self.said[said] += 1

    def end(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
