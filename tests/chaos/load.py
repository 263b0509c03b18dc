"""Holds the load: 5,000 values a second on record while 200 people look at the line, and nothing grows.

A device says 25 values in each message (QoS 1, an fsynced ledger) to a whole path: broker, runner, spool,
worker, PostgreSQL; browsers ask the web server for the line page every 2 s. How old the newest
value on record is, is asked twenty times a second. At the end every value is stored once, the sum closes, and
the pieces that the worker derived are those that were said. Control: a stack whose worker leaves stitching
undone.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from typing import Any

from django.db import connection as database
from django.db.models import Max, Sum
from django.test import Client

from connectors.models import SignalSample
from production.models import QuantityActual
from tests.benchmarks.memory import memory_of
from tests.chaos.books import Books, read
from tests.chaos.bundles import ABORTED, EXECUTE, VALUES, value_of
from tests.chaos.kill9 import name_new
from tests.chaos.publisher import Ledger
from tests.chaos.verdict import Verdict
from tests.chaos.works import ROOT, Works, works
from tests.connectors.peers import free_port
from tests.connectors.stack import wait_until
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import account_make, line_make
from tests.factories.production import rate_make

DATABASE = "durable"
CONTROL = "nobody stitches"
STATES = {str(EXECUTE): "execute", str(ABORTED): "aborted"}
ASKED_EVERY, WEIGHED_EVERY = 0.05, 5.0
WARMING = 5.0


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="load")
    parser.add_argument("--seed", type=int, default=0, help="nothing is thrown here; kept for the record")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--rate", type=float, default=5000.0, help="values per second")
    parser.add_argument("--browsers", type=int, default=200)
    parser.add_argument("--within", type=float, default=2.0, help="seconds from device to record, p99")
    parser.add_argument("--page-ms", type=float, default=300.0, help="milliseconds of a page, p95")
    parser.add_argument("--growth", type=float, default=10.0, help="per cent of memory, second fifth to last")
    parser.add_argument("--wide", action="store_true", help="bounds for a busy machine")
    asked = parser.parse_args(options)
    if asked.wide:
        asked.within, asked.page_ms, asked.growth = 30.0, 9000.0, 200.0
    return load_proof(asked)


def load_proof(asked: argparse.Namespace) -> Verdict:
    verdict = Verdict("load", asked.seed)
    first = books_of_line(name_new())
    with works(first.connection.slug) as running:
        loaded = Loaded(running, first)
        loaded.begin()
        loaded.run(rate=asked.rate, seconds=asked.seconds, browsers=asked.browsers)
        verdict.broken += loaded.judged(patience=60)
        verdict.broken += loaded.too_much(asked)
        verdict.counts |= loaded.counts
        caught = _control(running)
    verdict.broken += [] if caught else [f"control not noticed: {CONTROL}"]
    verdict.counts["controls"] = f"{caught:d}/1"
    return verdict


def _control(running: Works) -> bool:
    """Whether the same questions notice that values are stored and nothing is derived of them."""
    for name in ("worker", "runner"):
        running.kill(name)
    books = books_of_line(name_new())
    running.slugs, running.queues = (books.connection.slug,), "ingest,default"
    other = Loaded(running, books)
    other.begin()
    other.run(rate=500, seconds=2, browsers=0)
    return any("pieces" in problem for problem in other.judged(patience=6))


def books_of_line(name: str) -> Books:
    """A line of one machine with a signal for each place of a bundle."""
    line = line_make(1, code=name)
    rule = {"topic": f"{name}/line", "items": "s", "signal": "a", "value": "v", "number": "n"}
    rule |= {"address": "{signal}", "time": "t", "time_unit": "us"}
    config = {"broker": "$MQTT_URL", "client_id": name, "mappings": [rule]}
    made = connection_make(line.site, slug=name.lower(), config=config, state_map=STATES)
    roles = {0: "state", 1: "good_count"}
    signals = [
        signal_make(line.unit, str(place), role=roles.get(place, "process_value"), connection=made)
        for place in range(VALUES)
    ]
    rate_make(line.unit, 1_000_000)
    return Books(name, line, made, {signal.pk: signal for signal in signals})


@dataclass
class Loaded:
    works: Works
    books: Books
    ages: list[float] = field(default_factory=list)
    weights: list[float] = field(default_factory=list)
    pages: dict[str, Any] = field(default_factory=dict)
    ledger: Ledger = field(default_factory=Ledger)
    counts: dict[str, object] = field(default_factory=dict)
    web: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        self.works.keep_alive()
        self.books.wait_listening()

    def run(self, *, rate: float, seconds: float, browsers: int) -> None:
        looking = self._browsers(browsers) if browsers else None
        device = self._device(rate)
        state = next(pk for pk, signal in self.books.signals.items() if signal.role == "good_count")
        began, weighed = time.monotonic(), 0.0
        while (passed := time.monotonic() - began) < WARMING + seconds:
            if passed > WARMING:
                self.ages.append(self._age(state))
            if browsers and passed - weighed > WEIGHED_EVERY:
                weighed = passed
                self.weights.append(self._weight())
            time.sleep(ASKED_EVERY)
        assert device.stdin is not None
        device.stdin.close()
        device.wait(90)
        self.ledger = Ledger.read(self.works.folder / "bundles")
        if looking is not None:
            self.pages = json.loads(looking.communicate(timeout=90)[0])

    def _device(self, rate: float) -> subprocess.Popen[bytes]:
        path = self.works.folder / "bundles"
        path.unlink(missing_ok=True)
        command = ["-m", "tests.chaos.bundles", str(path), "--prefix", self.books.name, "--rate", str(rate)]
        return subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, env=self.works.environment, stdin=subprocess.PIPE
        )

    def _browsers(self, count: int) -> subprocess.Popen[bytes]:
        port, client = free_port(), Client()
        options = ("--workers=1", "--worker-class=gthread", "--threads=8", "--preload", "--timeout=60")
        bind = (f"--bind=127.0.0.1:{port}", "--worker-tmp-dir=/tmp", "--keep-alive=30")
        self.web = self.works.start("web", "-m", "gunicorn", "mom.wsgi", *bind, *options)
        user = account_make("supervisor", self.books.line.site)
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        cookie = f"sessionid={client.cookies['sessionid'].value}"
        wait_until(lambda: _answers(port), seconds=90, what="the web server")
        path = f"/lines/{self.books.line.line.code}/"
        return subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.browsers", str(port), cookie, path, str(count)],
            cwd=ROOT,
            env=self.works.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def _age(self, signal_id: int) -> float:
        """Seconds since the source time of the newest value on record: never less than its way here took."""
        newest = SignalSample.objects.filter(signal_id=signal_id).aggregate(at=Max("source_time"))["at"]
        return 1e9 if newest is None else time.time() - newest.timestamp()

    def _weight(self) -> float:
        """MB of every process of the stack, pages they share counted once."""
        roots = [process.pid for process in self.works.processes if process.poll() is None]
        roots += [pid for name in ("postgres", "valkey", "broker") if (pid := self.works.pid(name))]
        return sum(sum(memory_of(root).values()) for root in roots)

    # -- judging ---------------------------------------------------------------------------------

    def judged(self, *, patience: float) -> list[str]:
        """Every value stored once and no other; the sum closes; pieces derived are those that were said."""
        wanted = len(self.ledger.acknowledged)
        self._wait(lambda: self.books.stored() >= wanted * VALUES, patience)
        said = [number for number in self.ledger.sent if number in self.ledger.acknowledged]
        stored, broken = read(self._stored), self.books.balance()
        for pk, signal in self.books.signals.items():
            place = int(signal.address)
            truth = (len(said), len(said), sum(value_of(place, number) for number in said))
            if stored.get(pk, (0, 0, 0)) != truth:
                broken.append(f"{signal.address}: (rows, instants, sum) {stored.get(pk)}, truly {truth}")
        pieces = max(said) - min(said) if said else 0
        self._wait(lambda: self._pieces() >= pieces, patience)
        if (derived := self._pieces()) != pieces:
            broken.append(f"{derived} pieces derived, truly {pieces}")
        lost = wanted * VALUES - sum(rows for rows, _, _ in stored.values())
        self.counts |= {"values": wanted * VALUES, "lost": max(lost, 0), "doubled": max(-lost, 0)}
        return broken

    def _stored(self) -> dict[int, tuple[int, int, int]]:
        statement = """
            SELECT signal_id, count(*), count(DISTINCT source_time), coalesce(sum(v_int), 0)
            FROM connectors_signalsample WHERE signal_id = ANY(%s) GROUP BY signal_id
        """
        with database.cursor() as cursor:
            cursor.execute(statement, [list(self.books.signals)])
            return {pk: (rows, instants, int(total)) for pk, rows, instants, total in cursor.fetchall()}

    def _pieces(self) -> int:
        rows = QuantityActual.objects.filter(signal_id__in=self.books.signals)
        return int(read(lambda: rows.aggregate(n=Sum("quantity"))["n"]) or 0)

    @staticmethod
    def _wait(enough: Any, patience: float) -> None:
        deadline = time.monotonic() + patience
        while not enough() and time.monotonic() < deadline:
            time.sleep(0.2)

    def too_much(self, asked: argparse.Namespace) -> list[str]:
        """Figures over their bounds."""
        p99, p95 = _share(self.ages, 0.99), _share(self.pages["taken"], 0.95)
        parts = [statistics.median(part) for part in _fifths(self.weights)]
        growth = (parts[4] / parts[1] - 1) * 100 if len(parts) == 5 else 0.0
        self.counts |= {"p99-s": round(p99, 2), "polls": len(self.pages["taken"]), "p95-ms": round(p95)}
        self.counts |= {"drawn": self.pages["drawn"], "MB": round(self.weights[-1]) if self.weights else 0}
        self.counts["growth-%"] = round(growth, 1)
        broken = [f"{self.pages['failed']} polls failed: {self.pages['faults']}"] * bool(self.pages["failed"])
        if p99 > asked.within:
            broken.append(f"device to record: p99 {p99:.2f} s, promised {asked.within:g}")
        if p95 > asked.page_ms:
            broken.append(f"pages: p95 {p95:.0f} ms, promised {asked.page_ms:g}")
        if growth > asked.growth:
            broken.append(f"memory grew by {growth:.1f} %, promised {asked.growth:g}")
        return broken


def _answers(port: int) -> bool:
    import urllib.error
    import urllib.request

    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def _share(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))] if values else 1e9


def _fifths(values: list[float]) -> list[list[float]]:
    size = len(values) // 5
    return [values[number * size : (number + 1) * size] for number in range(5)] if size else []
