"""A device that says one value a message, as JSON at QoS 1 or 0: flat out, or so many a second.

Prints "ready", waits for a line, sends, waits until the broker has all of it, prints "done".
"""

from __future__ import annotations

import argparse
import sys
import time

import orjson
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

SIGNALS = 20
MOST_WAITING = 20_000


def addresses() -> list[str]:
    return [f"M1/v{number}" for number in range(SIGNALS)]


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--messages", type=int, required=True)
    parser.add_argument("--rate", type=float, default=0.0, help="messages a second; 0 = flat out")
    parser.add_argument("--qos", type=int, default=1)
    options = parser.parse_args()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.max_queued_messages_set(0)
    client.max_inflight_messages_set(1000)
    client.connect("127.0.0.1", options.port)
    client.loop_start()
    topics = [f"plant/{address}" for address in addresses()]
    waiting: list[paho.MQTTMessageInfo] = []
    print("ready", flush=True)
    sys.stdin.readline()
    begun = time.monotonic()
    for number in range(options.messages):
        if options.rate and (ahead := number / options.rate - (time.monotonic() - begun)) > 0.002:
            time.sleep(ahead)
        said = orjson.dumps({"v": number, "t": time.time_ns() // 1000})
        waiting.append(client.publish(topics[number % SIGNALS], said, qos=options.qos))
        if len(waiting) >= MOST_WAITING:
            waiting[0].wait_for_publish(60)
            del waiting[: MOST_WAITING // 2]
    for sent in waiting:
        sent.wait_for_publish(60)
    client.disconnect()
    client.loop_stop()
    print("done", flush=True)


if __name__ == "__main__":
    main()
