"""The ceiling: paho, the protobuf parser, numpy and one binary COPY after another, nothing promised.

``--table samples``: into the product's own table of samples, which is logged, synced and has a primary key.
``--table scratch``: into a temporary table of three columns, which is none of these.
"""

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

CHUNK = 10_000
TO_2000 = 946_684_800_000_000
# Column, its binary type and what stands in it when the message does not say.
KEYED = (
    ("signal_id", ">i8", None),
    ("source_time", ">i8", None),
    ("v_float", ">f8", None),
    ("source_key", ">i8", 0),
    ("arrival_time", ">i8", 0),
    ("equipment_id", ">i8", 1),
    ("site_id", ">i8", 1),
    ("quality", ">i2", 0),
    ("historical", "u1", 0),
)
TABLES = {
    "samples": ("connectors_signalsample", KEYED),
    "scratch": ("scratch", KEYED[:3]),
}
SCRATCH = "CREATE TEMPORARY TABLE scratch (signal_id bigint, source_time timestamptz, v_float float8)"
PARTITION = "SELECT connectors_sample_partition_ensure(day) FROM unnest(%s::date[]) AS day"
Rows = tuple[list[int], list[int], list[float]]


class Writer(threading.Thread):
    def __init__(self, database: str, table: str, days: list[str]) -> None:
        super().__init__()
        self.work: queue.SimpleQueue[Rows | None] = queue.SimpleQueue()
        name, self.columns = TABLES[table]
        fields: list[tuple[str, str]] = [("n", ">i2")]
        for column, code, _ in self.columns:
            fields += [(f"{column}#", ">i4"), (column, code)]
        self.layout = np.dtype(fields)
        self.copy = (
            f"COPY {name} ({', '.join(column[0] for column in self.columns)}) FROM STDIN (FORMAT binary)"
        )
        self.database = psycopg2.connect(database)
        with self.database, self.database.cursor() as cursor:
            cursor.execute(PARTITION, [days])
            cursor.execute(SCRATCH)

    def run(self) -> None:
        while (rows := self.work.get()) is not None:
            out = np.empty(len(rows[0]), self.layout)
            out["n"] = len(self.columns)
            for name, code, given in self.columns:
                out[f"{name}#"] = np.dtype(code).itemsize
                out[name] = given or 0
            out["signal_id"], out["v_float"] = rows[0], rows[2]
            out["source_time"] = np.array(rows[1], np.int64) * 1000 - TO_2000
            body = b"PGCOPY\n\xff\r\n\0" + b"\0" * 8 + out.tobytes() + b"\xff\xff"
            with self.database, self.database.cursor() as cursor:
                cursor.copy_expert(self.copy, io.BytesIO(body))


class Reader:
    def __init__(self, writer: Writer, total: int) -> None:
        self.writer, self.left = writer, total
        self.rows: Rows = ([], [], [])

    def on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        payload = Payload()
        payload.ParseFromString(bytes(message.payload))
        aliases, times, values = self.rows
        for metric in payload.metrics:
            if metric.alias:
                # Ids below zero: none of them is a signal's.
                aliases.append(-metric.alias)
                times.append(metric.timestamp)
                values.append(metric.double_value or metric.long_value or metric.int_value)
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
    parser.add_argument("--group", required=True)
    parser.add_argument("--table", choices=TABLES, required=True)
    parser.add_argument("--days", nargs="+", required=True)
    options = parser.parse_args()
    writer = Writer(options.database, options.table, options.days)
    reader = Reader(writer, options.total)
    writer.start()
    client = paho.Client(CallbackAPIVersion.VERSION2)
    client.on_message = reader.on_message
    client.on_subscribe = lambda *_: print("ready", flush=True)
    client.connect("127.0.0.1", options.port)
    client.subscribe(f"spBv1.0/{options.group}/#")
    client.loop_forever()
    writer.work.put(None)
    writer.join()
    print("done", flush=True)


if __name__ == "__main__":
    main()
