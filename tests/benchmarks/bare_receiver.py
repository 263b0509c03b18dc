"""The ceiling of a QoS 1 receiver: paho, each message acknowledged as it comes, none looked at.

``--messages 0`` only leaves a session behind that the broker queues for. Otherwise prints the seconds from
the first message to the last.
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--messages", type=int, required=True)
    options = parser.parse_args()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="bare", clean_session=False)
    times: list[float] = []

    def on_message(client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        times.append(time.perf_counter())
        if len(times) == options.messages:
            client.disconnect()

    def on_subscribe(*_: Any) -> None:
        if not options.messages:
            client.disconnect()

    def on_connect(*_: Any) -> None:
        client.subscribe("plant/#", 1)

    client.on_message, client.on_subscribe, client.on_connect = on_message, on_subscribe, on_connect
    client.connect("127.0.0.1", options.port)
    client.loop_forever()
    print(times[-1] - times[0] if times else 0.0, flush=True)


if __name__ == "__main__":
    main()
