"""Facts on their way: in another order, cut into batches, some delivered twice, with stitching in between."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from datetime import UTC, datetime, timedelta

from connectors import selectors as connectors
from connectors.domain.columns import NO_TIME, Columns, decode, encode, instant, micros
from connectors.services import Delivery, deliveries_store, watermark_append
from production import services
from production.services.rebuilding import rebuild_check
from tests.chaos.facts import Commanded, Complete, Fact, History, Lost, Said
from tests.chaos.plant import Plant
from tests.factories.production import PLANNER

ARRIVED = datetime(2026, 3, 20, tzinfo=UTC)
STYLES = ("in order", "late", "shuffled", "backwards", "by machine", "gaps last")
COMMANDS = {
    "start": services.job_order_start,
    "pause": services.job_order_pause,
    "resume": services.job_order_resume,
    "stop": services.job_order_stop,
}


def arranged(history: History, dice: random.Random, style: str) -> list[Fact]:
    """The facts in an order of arrival. People's commands keep theirs: each is checked when it is given."""
    facts = list(history.facts)
    if style == "late":
        late = timedelta(seconds=dice.choice([60, 900, 5000]))
        facts = [
            f
            for _, f in sorted(
                ((f.at + late * dice.random() * (dice.random() < 0.2), i), f) for i, f in enumerate(facts)
            )
        ]
    elif style == "gaps last":
        facts.sort(key=lambda fact: isinstance(fact, Lost))
    elif style == "shuffled":
        dice.shuffle(facts)
    elif style == "backwards":
        facts.reverse()
    elif style == "by machine":
        facts.sort(key=lambda fact: fact.machine if isinstance(fact, Said) else dice.choice("AZ"))
    commands = iter([fact for fact in history.facts if isinstance(fact, Commanded)])
    return [next(commands) if isinstance(fact, Commanded) else fact for fact in facts]


class Replay:
    """One delivery of a whole history into an empty plant."""

    def __init__(self, plant: Plant, history: History, dice: random.Random, style: str) -> None:
        self.plant, self.dice = plant, dice
        self.facts = arranged(history, dice, style)
        self.deliveries = self.stitches = 0
        self.outcome: Counter[str] = Counter()
        self._spool = uuid.UUID(int=dice.getrandbits(128), version=4)
        self._waiting: dict[str, list[Fact]] = {}
        self._sent: list[tuple[str, Delivery]] = []
        self._arrived = micros(ARRIVED)
        # Few large batches, or many small ones
        self._mean = dice.choice([15, 60, 200])
        self._size = self._new_size()

    def run(self) -> None:
        for fact in self.facts:
            if isinstance(fact, Commanded):
                COMMANDS[fact.verb](job_order_id=self.plant.orders[fact.order].pk, at=fact.at, by=PLANNER)
                continue
            waiting = self._waiting.setdefault(fact.connection, [])
            waiting.append(fact)
            alone = isinstance(fact, Lost) and self.dice.random() < 0.5
            if alone or len(waiting) >= self._size:
                self._deliver(fact.connection)
                self._size = self._new_size()
                if self.dice.random() < 0.4:
                    self._stitch(self.dice.choice(self.plant.line.units).pk)
        for name in list(self._waiting):
            self._deliver(name)
        for unit in self.dice.sample(self.plant.line.units, len(self.plant.line.units)):
            self._stitch(unit.pk)

    def problems(self) -> list[str]:
        """What does not add up after everything was delivered and stitched."""
        found = []
        kept = self.outcome["stored"] + self.outcome["deduplicated"] + self.outcome["quarantined"]
        if kept != self.outcome["received"] or self.outcome["quarantined"]:
            found.append(f"received is not stored and deduplicated: {dict(self.outcome)}")
        if units := connectors.dirty_work_units():
            found.append(f"marks left on {units}")
        return found + rebuild_check().lines

    def _new_size(self) -> int:
        return min(int(self.dice.expovariate(1 / self._mean)) + 1, 600)

    def _deliver(self, connection: str) -> None:
        facts = self._waiting.pop(connection, [])
        delivery = Delivery(
            samples=self._columns([fact for fact in facts if isinstance(fact, Said)]),
            gaps=[fact.gap for fact in facts if isinstance(fact, Lost)],
            receipt=(self._spool, len(self._sent) + 1),
        )
        self._store(connection, delivery)
        self._sent.append((connection, delivery))
        for fact in facts:
            if isinstance(fact, Complete):
                watermark_append(connection_id=self.plant.connections[connection].pk, at=fact.at)
        if self.dice.random() < 0.1:
            # A lost reply: the same batch once more under its number, or from a spool that was restored.
            again_by, again = self.dice.choice(self._sent)
            restored = Delivery(
                samples=again.samples, gaps=again.gaps, receipt=(uuid.uuid4(), len(self._sent))
            )
            self._store(again_by, self.dice.choice([again, restored]))

    def _store(self, connection: str, delivery: Delivery) -> None:
        _, results = deliveries_store(slug=connection, deliveries=[delivery], now=instant(self._arrived))
        self.deliveries += 1
        for result in results:
            for name in ("received", "stored", "deduplicated", "quarantined"):
                self.outcome[name] += getattr(result, name)

    def _columns(self, said: list[Said]) -> Columns:
        columns = Columns()
        for sample in said:
            self._arrived += 1
            columns.add(
                f"{sample.machine}/{sample.role}",
                sample.value,
                source_time=micros(sample.at),
                arrival_time=self._arrived,
                server_time=NO_TIME if sample.server is None else micros(sample.server),
                quality=2 if sample.bad else 0,
                key=sample.key,
            )
        return decode(encode(columns, compress=len(columns) > 100))

    def _stitch(self, work_unit_id: int) -> None:
        services.stitch(work_unit_id=work_unit_id)
        self.stitches += 1
