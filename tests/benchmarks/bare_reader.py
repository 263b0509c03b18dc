"""The ceiling: paho, the protobuf parser, numpy and one COPY after another, nothing promised."""

from __future__ import annotations

import argparse
import io
import queue
import threading
from typing import Any

import numpy as np
import paho.mqtt.client as paho
import psycopg2
from paho.mqtt.enums import CallbackAPIVersion

from connectors.protocols.sparkplug.sparkplug_b_pb2 import Payload

LAYOUT = np.dtype(
    [("n", ">i2"), ("a#", ">i4"), ("a", ">i8"), ("t#", ">i4"), ("t", ">i8"), ("v#", ">i4"), ("v", ">f8")]
)
CHUNK = 10_000


class Writer(threading.Thread):
    def __init__(self, database: str) -> None:
        super().__init__()
        self.work: queue.SimpleQueue[tuple[list[int], list[int], list[float]] | None] = queue.SimpleQueue()
        self.database = psycopg2.connect(database)
        with self.database, self.database.cursor() as cursor:
            cursor.execute("CREATE TEMPORARY TABLE bare (signal bigint, at timestamptz, value float8)")

    def run(self) -> None:
        while (rows := self.work.get()) is not None:
            out = np.empty(len(rows[0]), LAYOUT)
            out["n"], out["a#"], out["t#"], out["v#"] = 3, 8, 8, 8
            out["a"], out["v"] = rows[0], rows[2]
            out["t"] = np.array(rows[1], np.int64) * 1000 - 946_684_800_000_000
            body = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8 + out.tobytes() + b"\xff\xff"
            with self.database, self.database.cursor() as cursor:
                cursor.copy_expert("COPY bare FROM STDIN (FORMAT binary)", io.BytesIO(body))


class Reader:
    def __init__(self, database: str, total: int) -> None:
        self.writer, self.left = Writer(database), total
        self.rows: tuple[list[int], list[int], list[float]] = ([], [], [])

    def on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        payload = Payload()
        payload.ParseFromString(bytes(message.payload))
        aliases, times, values = self.rows
        for metric in payload.metrics:
            if metric.alias:
                aliases.append(metric.alias)
                times.append(metric.timestamp)
                values.append(metric.double_value)
        if len(aliases) >= CHUNK or len(aliases) >= self.left:
            self.left -= len(aliases)
            self.writer.work.put(self.rows)
            self.rows = ([], [], [])
            if self.left <= 0:
                client.disconnect()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--total", type=int, required=True)
    parser.add_argument("--database", required=True)
    options = parser.parse_args()
    reader = Reader(options.database, options.total)
    reader.writer.start()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = reader.on_message
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.connect("127.0.0.1", options.port)
    client.subscribe("spBv1.0/#")
    client.loop_forever()
    reader.writer.work.put(None)
    reader.writer.join()
    print("done", flush=True)


if __name__ == "__main__":
    main()
