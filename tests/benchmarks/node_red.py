"""The usual do-it-yourself flow beside ours: MQTT into PostgreSQL by Node-RED, and by us at QoS 1.

A flow that inserts each message as it comes, and one that gathers up to 500 and inserts them as one
statement; both at QoS 0, nothing on disk in between, sent flat out. Ours finds its messages in the broker's
queue, which a sender at QoS 1 could not fill as fast. All into the same PostgreSQL, until every row is there.
Node-RED and npm ``pg`` are installed once, into a folder for what is cached; without npm it is left out.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.request import urlopen

import psycopg2
from django.db import connection

from tests.benchmarks.result import Ratio
from tests.benchmarks.single_json import Place, from_queue, place
from tests.connectors.peers import free_port
from tests.connectors.stack import wait_until

MESSAGES = int(os.environ.get("BENCH_JSON_MESSAGES", "20000"))
EACH = int(os.environ.get("BENCH_NODE_RED_EACH", "4000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
INSTALLED = Path(tempfile.gettempdir()) / f"mom-bench-node-red-{os.getuid()}"
TABLES = {"batched": MESSAGES, "each": EACH}
# A pool of ten connections, as nodes for PostgreSQL have it
SETTINGS = """module.exports = {{ uiPort: {port}, uiHost: "127.0.0.1", flowFile: "flows.json",
  logging: {{ console: {{ level: "warn" }} }}, credentialSecret: false, telemetry: {{ enabled: false }},
  functionGlobalContext: {{ pool: new (require("pg").Pool)({{ connectionString: {url}, max: 10 }}) }} }};
"""
_EACH = """const said = JSON.parse(msg.payload);
global.get("pool").query("INSERT INTO bench_each (topic, at, value) VALUES ($1, $2, $3)",
  [msg.topic, said.t, said.v])
  .catch((error) => node.error(error));
return null;"""
_BATCHED = """const waiting = context.get("waiting") || [];
context.set("waiting", waiting);
const flush = () => {
  if (!waiting.length) return;
  const some = waiting.splice(0, waiting.length);
  global.get("pool").query("INSERT INTO bench_batched (topic, at, value) SELECT * FROM"
    + " unnest($1::text[], $2::bigint[], $3::float8[])",
    [some.map((one) => one[0]), some.map((one) => one[1]), some.map((one) => one[2])])
    .catch((error) => node.error(error));
};
if (!context.get("timer")) context.set("timer", setInterval(flush, 50));
const said = JSON.parse(msg.payload);
waiting.push([msg.topic, said.t, said.v]);
if (waiting.length >= 500) flush();
return null;"""
FLOWS = {"each": _EACH, "batched": _BATCHED}


def run() -> list[Ratio]:
    if not (shutil.which("npm") and shutil.which("node")):
        print("  NOT RUN: npm is missing; install Node.js to compare with Node-RED", file=sys.stderr)
        return []
    _install()
    rates: dict[str, list[float]] = {"ours": [], "batched": [], "each": []}
    with place("NODERED") as ours:
        ours.listen()
        for _ in range(ROUNDS):
            rates["ours"].append(from_queue(ours)[1])
            for table in TABLES:
                rates[table].append(_theirs(ours, table))
    for kind, found in rates.items():
        print(f"  {kind:<8} {' '.join(f'{rate:9,.0f}' for rate in found)}", file=sys.stderr)
    middle = {kind: statistics.median(found) for kind, found in rates.items()}
    name = "JSON, one value a message, QoS 1, all guarantees, stored (messages/s)"
    return [
        Ratio(name, middle["ours"], middle["batched"], "Node-RED, batched, QoS 0", goal=1),
        Ratio(name, middle["ours"], middle["each"], "Node-RED, a message at a time, QoS 0", goal=15),
    ]


def _install() -> None:
    if not (INSTALLED / "installed").exists():
        INSTALLED.mkdir(exist_ok=True)
        (INSTALLED / "package.json").write_text('{"name": "peer", "private": true}')
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "node-red@4", "pg@8"]
        subprocess.run(command, cwd=INSTALLED, check=True, timeout=600)
        (INSTALLED / "installed").touch()


def _theirs(ours: Place, table: str) -> float:
    _table(table)
    with _node_red(ours.broker.port, table):
        _, device = ours.say(TABLES[table], qos=0)
        started = time.perf_counter()
        wait_until(lambda: _rows(table) >= TABLES[table], seconds=120, what=f"all of {table}")
        rate = TABLES[table] / (time.perf_counter() - started)
        device.wait(60)
    return rate


def _table(table: str) -> None:
    """Without key or index, which ours have."""
    with (
        closing(psycopg2.connect(os.environ["DATABASE_OWNER_URL"])) as owner,
        owner,
        owner.cursor() as cursor,
    ):
        cursor.execute(f"DROP TABLE IF EXISTS bench_{table}")
        cursor.execute(f"CREATE TABLE bench_{table} (topic text, at bigint, value float8)")
        cursor.execute(f"GRANT ALL ON bench_{table} TO PUBLIC")


def _rows(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM bench_{table}")
        return int(cursor.fetchone()[0])


@contextmanager
def _node_red(broker: int, table: str) -> Iterator[None]:
    """Running, its flow subscribed."""
    port = free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "flows.json").write_text(json.dumps(_flow(broker, table)))
        (folder / "settings.js").write_text(SETTINGS.format(port=port, url=json.dumps(_url())))
        command = ["node", str(INSTALLED / "node_modules/node-red/red.js"), "-u", name]
        environment = {**os.environ, "NODE_PATH": str(INSTALLED / "node_modules")}
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [*command, "-s", str(folder / "settings.js")], env=environment, stdout=log, stderr=log
            )
        try:
            wait_until(lambda: _subscribed(port), seconds=60, what="Node-RED, its flow running")
            time.sleep(1.0)
            yield
        finally:
            process.terminate()
            process.wait(20)


def _url() -> str:
    """node's driver wants host and port, which the product's may give as parameters."""
    entry = connection.settings_dict
    host, port = entry["HOST"] or "127.0.0.1", entry["PORT"]
    return f"postgres://{entry['USER']}:{entry['PASSWORD']}@{host}:{port}/{entry['NAME']}"


def _flow(broker: int, table: str) -> list[dict[str, object]]:
    server: dict[str, object] = {
        "id": "b",
        "type": "mqtt-broker",
        "broker": "127.0.0.1",
        "port": str(broker),
        "clientid": "",
    }
    server |= {"autoConnect": True, "protocolVersion": "4", "keepalive": "60", "cleansession": True}
    source: dict[str, object] = {
        "id": "i",
        "type": "mqtt in",
        "z": "t",
        "topic": "plant/#",
        "qos": "0",
        "datatype": "utf8",
    }
    source |= {"broker": "b", "inputs": 0, "wires": [["f"]]}
    work: dict[str, object] = {
        "id": "f",
        "type": "function",
        "z": "t",
        "func": FLOWS[table],
        "outputs": 0,
        "wires": [],
    }
    return [{"id": "t", "type": "tab", "label": table}, server, source, work]


def _subscribed(port: int) -> bool:
    with suppress(OSError), urlopen(f"http://127.0.0.1:{port}/flows", timeout=2) as answer:
        return bool(answer.status == 200)
    return False
