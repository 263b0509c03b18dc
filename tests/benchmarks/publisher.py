"""A Sparkplug edge that has all its messages ready and sends them as fast as the broker takes them.

Four machines, each with its state (an error of 50 messages now and then), a counter and three values.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from connectors.protocols.sparkplug.sparkplug_b_pb2 import Payload

UNITS, VALUES = 4, 3
METRICS = UNITS * (2 + VALUES)
EXECUTE, ABORTED = 6, 9
ERROR, CYCLE = 50, 500
INT32, INT64, UINT64, DOUBLE = 3, 4, 8, 10


def names() -> list[tuple[int, str, str]]:
    """(machine, metric, role) in the order of the aliases 1, 2, 3 …"""
    values = [(f"v{number}", "process_value") for number in range(VALUES)]
    roles = [("state", "state"), ("good", "good_count"), *values]
    return [(unit, f"u{unit}/{name}", role) for unit in range(UNITS) for name, role in roles]


def state_at(index: int, unit: int) -> int:
    return ABORTED if index % CYCLE // ERROR == 2 * unit else EXECUTE


def _set(metric: Any, role: str, index: int, unit: int, counted: int) -> None:
    if role == "state":
        metric.int_value = state_at(index, unit)
    elif role == "good_count":
        metric.long_value = counted + index
    else:
        metric.double_value = index * 0.5 + unit


def payloads(messages: int, *, start: int, step: int, counted: int) -> list[bytes]:
    """A birth and ``messages`` after it, ``step`` ms apart from ``start`` (ms since 1970) on."""
    birth = Payload(timestamp=start, seq=0)
    birth.metrics.add(name="bdSeq", datatype=INT64, long_value=0, timestamp=start)
    data = Payload()
    roles = names()
    datatypes = {"state": INT32, "good_count": UINT64, "process_value": DOUBLE}
    for alias, (unit, name, role) in enumerate(roles, start=1):
        born = birth.metrics.add(name=name, alias=alias, datatype=datatypes[role], timestamp=start)
        _set(born, role, 0, unit, counted)
        data.metrics.add(alias=alias)
    made = [birth.SerializeToString()]
    for index in range(1, messages + 1):
        data.timestamp, data.seq = start + index * step, index % 256
        for (unit, _, role), metric in zip(roles, data.metrics, strict=True):
            metric.timestamp = data.timestamp
            _set(metric, role, index, unit, counted)
        made.append(data.SerializeToString())
    return made


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--port", "--messages", "--start", "--step", "--counted"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--group", required=True)
    options = parser.parse_args()
    made = payloads(options.messages, start=options.start, step=options.step, counted=options.counted)
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", options.port)
    client.loop_start()
    print("ready", flush=True)
    sys.stdin.readline()
    sent = client.publish(f"spBv1.0/{options.group}/NBIRTH/E", made[0])
    topic = f"spBv1.0/{options.group}/NDATA/E"
    for raw in made[1:]:
        sent = client.publish(topic, raw)
    sent.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main()
