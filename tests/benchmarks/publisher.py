"""A Sparkplug edge that has all its messages ready and sends them as fast as the broker takes them."""

from __future__ import annotations

import argparse
import sys
import time

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from connectors.protocols.sparkplug.sparkplug_b_pb2 import Payload


def payloads(messages: int, metrics: int) -> list[bytes]:
    start = time.time_ns() // 1_000_000 - messages
    birth = Payload(timestamp=start - 1, seq=0)
    birth.metrics.add(name="bdSeq", datatype=8, long_value=0, timestamp=start - 1)
    data = Payload()
    for number in range(metrics):
        birth.metrics.add(
            name=f"m{number}", alias=number + 1, datatype=10, timestamp=start - 1, double_value=float(number)
        )
        data.metrics.add(alias=number + 1)
    made = [birth.SerializeToString()]
    for index in range(messages):
        data.timestamp, data.seq = start + index, (index + 1) % 256
        for number, metric in enumerate(data.metrics):
            metric.timestamp = start + index
            metric.double_value = index * 0.5 + number
        made.append(data.SerializeToString())
    return made


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--port", "--messages", "--metrics"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--database")
    options = parser.parse_args()
    made = payloads(options.messages, options.metrics)
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.max_queued_messages_set(0)
    client.connect("127.0.0.1", options.port)
    client.loop_start()
    print("ready", flush=True)
    sys.stdin.readline()
    sent = client.publish("spBv1.0/G/NBIRTH/E", made[0])
    for raw in made[1:]:
        sent = client.publish("spBv1.0/G/NDATA/E", raw)
    sent.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()


if __name__ == "__main__":
    main()
