"""What the ledger says against what is stored, and whether everything received is accounted for."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from django.db import connection as database
from django.db.models import Sum

from connectors import selectors as connectors
from connectors.domain.columns import instant, micros
from connectors.models import (
    Connection,
    IngestReceipt,
    QuarantinedMessage,
    SignalDefinition,
    SignalSample,
    Watermark,
)
from production import services
from production.models import QuantityActual
from production.services.rebuilding import rebuild_check
from tests.chaos.publisher import KINDS, Ledger, Message
from tests.chaos.works import FORGETS_SECONDS, ROOT, SAVED_SECONDS, Works, read
from tests.connectors.stack import wait_until
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import Line, line_make
from tests.factories.production import PACKML

UNITS = 2
Kept = Counter[tuple[str, int, int]]


@dataclass
class Books:
    """One line of two machines that a publisher speaks for, its ledger, and the questions asked of both."""

    name: str
    line: Line
    connection: Connection
    signals: dict[int, SignalDefinition]
    ledger: Path | None = None
    publisher: subprocess.Popen[bytes] | None = None
    balances: int = 0
    # Signals nobody publishes for: they only belong to the sums
    besides: list[int] = field(default_factory=list)
    # No other proof runs beside this one: every receipt from here on is ours
    since: datetime = field(default_factory=lambda: datetime.now(UTC))

    def speak(self, works: Works, *, rate: float, lasting: float) -> None:
        self.ledger = works.folder / "ledger"
        command = ["-m", "tests.chaos.publisher", str(self.ledger), "--prefix", self.name]
        command += ["--units", str(UNITS), "--rate", str(rate), "--lasting", str(lasting)]
        command += ["--forgets", str(FORGETS_SECONDS)]
        with (works.folder / "publisher.log").open("ab") as log:
            self.publisher = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=works.environment,
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def wait_listening(self) -> None:
        """Until the runner has subscribed and a broker that is killed will still know: what is published
        before that is published to nobody.
        """
        mine = Watermark.objects.filter(connection=self.connection)
        wait_until(lambda: read(mine.exists), seconds=120, what="the runner's first watermark")
        time.sleep(SAVED_SECONDS)

    def hush(self) -> Ledger:
        """The publisher ends once everything is acknowledged; what it wrote down."""
        assert self.publisher is not None
        assert self.publisher.stdin is not None
        assert self.ledger is not None
        self.publisher.stdin.close()
        try:
            self.publisher.wait(90)
        finally:
            self.publisher.kill()
            self.publisher.wait(10)
        return Ledger.read(self.ledger)

    # -- what is stored ------------------------------------------------------------

    def stored(self) -> int:
        return read(lambda: SignalSample.objects.filter(signal_id__in=self.signals).count())

    def _kept(self) -> Kept:
        """(topic, value, source time or 0 where the device gave none) of every stored sample."""
        rows = SignalSample.objects.filter(signal_id__in=self.signals).values_list(
            "signal_id", "v_int", "source_time"
        )
        return Counter(self._told(*row) for row in rows.iterator())

    def _told(self, signal_id: int, value: Any, at: datetime) -> tuple[str, int, int]:
        topic = f"{self.name}/{self.signals[signal_id].address}"
        return topic, int(value), 0 if topic.endswith("/numbered") else micros(at)

    def wait_stored(self, ledger: Ledger, *, patience: float) -> int:
        """Until everything acknowledged is stored, or nothing more was for so long; how many are missing."""
        missing, moved = len(ledger.sent), time.monotonic()
        while (now := self.missing(ledger)) and time.monotonic() - moved < patience:
            if now < missing:
                missing, moved = now, time.monotonic()
            time.sleep(0.2)
        return now

    def missing(self, ledger: Ledger) -> int:
        """Acknowledged messages that are not stored yet."""
        wanted = {m for n in ledger.acknowledged if not (m := ledger.sent[n]).malformed}
        kept = read(self._kept)
        return sum(_expected(message) not in kept for message in wanted)

    def waiting(self, messages: list[Message]) -> int:
        """Those of a few that are not stored; what carries no time was stamped after it was said."""
        wanted = {_expected(message) for message in messages if not message.malformed}
        since = instant(min((message.at for message in messages), default=0))
        rows = SignalSample.objects.filter(signal_id__in=self.signals, source_time__gte=since)
        found = read(lambda: list(rows.values_list("signal_id", "v_int", "source_time")))
        return len(wanted - {self._told(*row) for row in found})

    def judged(self, ledger: Ledger) -> tuple[dict[str, int], list[str]]:
        """Counts, and everything that is wrong: lost, doubled, never said, unreadable ones that vanished."""
        kept = read(self._kept)
        said: Kept = Counter()
        acknowledged: Kept = Counter()
        for message in ledger.sent.values():
            if not message.malformed:
                said[_expected(message)] += 1
                acknowledged[_expected(message)] += message.number in ledger.acknowledged
        lost, invented = +acknowledged - kept, kept - said
        doubled = sum(invented[key] for key in invented if key in said)
        counts = {
            "acknowledged": len(ledger.acknowledged),
            "stored": kept.total(),
            "lost": lost.total(),
            "doubled": doubled,
        }
        broken = []
        if lost:
            broken.append(f"{lost.total()} acknowledged messages are not stored, such as {_some(lost)}")
        if doubled:
            broken.append(f"{doubled} stored twice, such as {_some(invented)}")
        if invented.total() > doubled:
            broken.append(f"stored and never said: {_some(invented)}")
        return counts, broken + self._unread(ledger)

    def _unread(self, ledger: Ledger) -> list[str]:
        wanted = {ledger.sent[n].payload for n in ledger.acknowledged if ledger.sent[n].malformed}
        rows = read(
            lambda: list(QuarantinedMessage.objects.filter(connection=self.connection).values("raw", "count"))
        )
        kept = {bytes(row["raw"]) for row in rows}
        counted = sum(row["count"] for row in rows)
        if counted < len(wanted) or (b"" not in kept and not wanted <= kept):
            return [f"unreadable messages: {len(wanted)} acknowledged, {counted} set aside"]
        return []

    # -- whether it balances ------------------------------------------------------------

    def balance(self, spool: SpoolRead | None = None) -> list[str]:
        """received = stored + deduplicated + quarantined, at this instant; and of a spool that was read
        before, every number it ever gave out is in it or has a receipt.
        """
        self.balances += 1
        found = read(self.sums)
        broken = []
        if found["received"] != found["stored"] + found["deduplicated"] + found["quarantined"]:
            broken.append(f"does not balance: {found}")
        if found["stored"] != found["samples"] or found["quarantined"] != found["aside"]:
            broken.append(f"receipts do not tell what is stored: {found}")
        if spool is not None:
            sequences = read(lambda: self._receipted(spool.identity))
            if gone := sorted(set(range(1, spool.highest + 1)) - spool.held - sequences):
                broken.append(f"batches neither stored nor in the spool: {gone[:5]}")
        return broken

    def sums(self) -> dict[str, int]:
        """One statement, so one instant."""
        statement = """
            SELECT coalesce(sum(received), 0), coalesce(sum(stored), 0), coalesce(sum(deduplicated), 0),
                   coalesce(sum(quarantined), 0),
                   (SELECT count(*) FROM connectors_signalsample WHERE signal_id = ANY(%s)),
                   (SELECT coalesce(sum(count), 0) FROM connectors_quarantinedmessage
                    WHERE connection_id = %s)
            FROM connectors_ingestreceipt WHERE received_at >= %s
        """
        with database.cursor() as cursor:
            cursor.execute(statement, [[*self.signals, *self.besides], self.connection.pk, self.since])
            row = cursor.fetchone()
        names = ("received", "stored", "deduplicated", "quarantined", "samples", "aside")
        return dict(zip(names, map(int, row), strict=True))

    def _receipted(self, spool: str) -> set[int]:
        return set(IngestReceipt.objects.filter(spool=spool).values_list("sequence", flat=True))

    # -- what is derived ------------------------------------------------------------

    def derived(self) -> list[str]:
        """Stitched to the end, everything derived again is the same, and pieces are those counted."""
        ids = [unit.pk for unit in self.line.units]
        for unit_id in ids:
            read(lambda unit_id=unit_id: services.stitch(work_unit_id=unit_id))  # type: ignore[misc]
        broken = list(read(lambda: rebuild_check(work_unit_ids=ids)).lines)
        if left := set(ids) & set(connectors.dirty_work_units()):
            broken.append(f"marks left on {left}")
        for signal in self.signals.values():
            if signal.role == "good_count":
                broken += self._pieces(signal)
        return broken

    def _pieces(self, signal: SignalDefinition) -> list[str]:
        values = [
            int(value or 0)
            for value in SignalSample.objects.filter(signal_id=signal.pk)
            .order_by("source_time")
            .values_list("v_int", flat=True)
        ]
        counted = QuantityActual.objects.filter(signal_id=signal.pk).aggregate(n=Sum("quantity"))["n"]
        truly = values[-1] - values[0] if values else 0
        return [] if int(counted or 0) == truly else [f"{signal.address}: {counted} pieces, truly {truly}"]


def _expected(message: Message) -> tuple[str, int, int]:
    return message.topic, message.value, 0 if message.topic.endswith("/numbered") else message.at


def books_open(name: str) -> Books:
    """``name`` is new in the database: a line, a connection and a signal for each kind of message."""
    line = line_make(UNITS, code=name)
    dated = {"topic": f"{name}/{{unit}}/{{signal}}", "value": "v", "number": "n", "time": "t"}
    dated |= {"time_unit": "us"}
    undated = {"topic": f"{name}/{{unit}}/numbered", "address": "{unit}/numbered", "value": "v"}
    config = {"broker": "$MQTT_URL", "client_id": name, "mappings": [undated | {"number": "n"}, dated]}
    made = connection_make(line.site, slug=name.lower(), config=config, state_map=PACKML)
    roles = {"dated": "process_value", "numbered": "process_value", "good": "good_count", "state": "state"}
    signals = [
        signal_make(unit, f"{number}/{kind}", role=roles[kind], connection=made)
        for number, unit in enumerate(line.units)
        for kind in KINDS
    ]
    return Books(name, line, made, {signal.pk: signal for signal in signals})


class SpoolRead(NamedTuple):
    """``highest``: the last number it ever gave out; ``held``: those whose batch it holds."""

    identity: str
    highest: int
    held: set[int]


def spool_read(works: Works) -> SpoolRead | None:
    """The spool of a dead runner, from a copy: opening it would repair what the next one has to repair."""
    assert "runner" in works.dead()
    if not works.spool.exists():
        return None
    copy = works.folder / "spool copy"
    shutil.rmtree(copy, ignore_errors=True)
    copy.mkdir()
    for suffix in ("", "-wal"):
        if (part := works.spool.with_name(works.spool.name + suffix)).exists():
            shutil.copy(part, copy / part.name)
    db = sqlite3.connect(copy / works.spool.name)
    try:
        ((identity,),) = db.execute("SELECT value FROM about WHERE name = 'spool'").fetchall()
        highest = db.execute("SELECT seq FROM sqlite_sequence WHERE name = 'batch'").fetchall()
        held = {number for (number,) in db.execute("SELECT sequence FROM batch")}
    except (sqlite3.OperationalError, ValueError):
        return None  # killed before its tables were there
    finally:
        db.close()
    return SpoolRead(identity, highest[0][0] if highest else 0, held)


def _some(found: Counter[Any]) -> str:
    return str([key for key, _ in zip(found, range(3), strict=False)])
