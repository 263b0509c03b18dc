"""The demo plant's life: saved and loaded, driven through the past by REST, then handed over to live."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from mom.demo.client import Api
from mom.demo.coding import instant
from mom.demo.engine import Engine
from mom.demo.events import Event, Happening, Reading, Truth
from mom.demo.fitting import Fitters
from mom.demo.ledger import Ledger
from mom.demo.spec import plant_spec
from mom.demo.store import PROGRESS, STATE, Store
from mom.demo.telling import PLANS, Teller, iso
from mom.demo.wiring import Sent, Wiring

logger = logging.getLogger(__name__)
HOUR = 3_600_000
STEP = 12 * HOUR
LIVE_WITHIN = 4_000
AT_A_TIME = 1000
LOOK_EVERY = 5.0
PAST, LIVE, OFF = "past", "live", "off"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


class Simulator:
    """One plant. ``tell_progress`` is called after every step with what the pages show."""

    def __init__(
        self,
        document: dict[str, Any],
        store: Store,
        api: Api,
        *,
        days: float,
        stopping: threading.Event,
        tell_progress: Callable[[dict[str, Any]], None] = lambda progress: None,
    ) -> None:
        self.spec, self.wiring = plant_spec(document), Wiring(document)
        self.store, self.stopping, self._tell_progress = store, stopping, tell_progress
        saved = store.read(STATE)
        if saved is None:
            start = now_ms() - int(days * 24 * HOUR)
            saved = {"instance": secrets.token_hex(6), "phase": PAST, "start": start, "step": 0, "samples": 0}
            saved["sheets_due"] = True
            self.engine = Engine(self.spec, start)
            self._ledger = Ledger(store.ledger, length=0)
        else:
            self.engine = Engine.load(self.spec, saved["engine"])
            self._ledger = Ledger(store.ledger, length=saved["ledger"])
        self.phase: str = saved["phase"]
        self.instance: str = saved["instance"]
        self.start: int = saved["start"]
        self.step: int = saved["step"]
        self.samples: int = saved["samples"]
        self.sheets_due: bool = saved.get("sheets_due", False)
        self.outbox = [Happening(*item) for item in saved.get("outbox", ())]
        self.api = api
        self.teller = Teller(api, instance=self.instance, folder=store.folder)
        self.teller.coder.waiting = [(Happening(*item), n) for item, n in saved.get("waiting", ())]
        maintainers = {badge for line in self.spec.lines for badge in line.maintainers}
        self.fitters = Fitters(api, sorted(maintainers))
        self._looked = 0.0
        self._guard = threading.Lock()

    def advance(self, until: int) -> tuple[list[Sent], list[Happening]]:
        """Let the plant go on; the truth is on disk before anybody is told."""
        events = self.engine.advance(until)
        truths = [event for event in events if isinstance(event, Truth)]
        if truths or self.phase == PAST:
            self._ledger.append(truths, until=until)
        return self._split(events)

    def _split(self, events: Sequence[Event]) -> tuple[list[Sent], list[Happening]]:
        sent = self.wiring.send(event for event in events if isinstance(event, Reading))
        return sent, [event for event in events if isinstance(event, Happening)]

    def save(self) -> None:
        with self._guard:
            outbox, waiting = list(self.outbox), list(self.teller.coder.waiting)
        self.store.write(
            STATE,
            {
                "instance": self.instance, "phase": self.phase, "start": self.start, "step": self.step,
                "samples": self.samples, "sheets_due": self.sheets_due, "ledger": self._ledger.length,
                "engine": self.engine.dump(),
                "outbox": outbox, "waiting": waiting,
            },
        )  # fmt: skip

    def past(self, show: Callable[[dict[str, Any]], None]) -> None:
        """Back-fill as fast as the product takes it, up to now; ``show`` is called after each step.

        What machines showed and what was planned is told at once; what people said follows by ``deliver``.
        """
        while self.engine.now < now_ms() - LIVE_WITHIN:
            self._past_step(min(self.engine.now + STEP, now_ms()))
            show(self.progress())
        self.phase = LIVE
        self.save()

    def _past_step(self, until: int) -> None:
        """One step. Repeated after a crash it is the same, with the same keys: nothing counts twice."""
        self.step += 1
        sent, happenings = self.advance(until)
        self.teller.plans(happenings)
        rows: dict[str, list[tuple[str, int, Any]]] = {slug: [] for slug in self.wiring.connections}
        for item in sent:
            rows[item.wire.connection].append((item.wire.address, item.at, item.value))
        for slug, values in rows.items():
            # Named by its end: after a crash the last step is a longer one, with the same samples in it.
            name = f"past-{until}-{slug}"
            self.samples += self.teller.samples(slug, values, until=until, name=name)
        self.queue([happening for happening in happenings if happening.kind not in PLANS])
        self.save()

    def progress(self) -> dict[str, Any]:
        """Where the plant's clock is; also kept in ``progress.json`` for whoever looks."""
        whole = max(1, now_ms() - self.start)
        share = 1.0 if self.phase == LIVE else min(1.0, (self.engine.now - self.start) / whole)
        told = {
            "phase": self.phase, "start": iso(self.start), "at": iso(self.engine.now),
            "share": round(share, 4), "samples": self.samples,
            "told": self.teller.told, "refused": self.teller.refused + self.teller.coder.refused,
            "coded": self.teller.coder.coded, "given_up": self.teller.coder.given_up, "waiting": self.waiting,
        }  # fmt: skip
        self.store.write(PROGRESS, told, durable=False)
        self._tell_progress(told)
        return told

    def deliver(self, *, patient: bool = False) -> bool:
        """Tell some of what is in the outbox, oldest first; whether there was anything to tell.

        ``patient``: of the past a good deal at a time, because that costs the product less.
        """
        with self._guard:
            few = patient and self.phase == PAST and len(self.outbox) < AT_A_TIME
            ready = [] if few else self.outbox[:AT_A_TIME]
        self.teller.plans(ready)
        self.teller.rest(ready)
        with self._guard:
            self.outbox = self.outbox[len(ready) :]
        if time.monotonic() - self._looked > LOOK_EVERY or (ready and not self.outbox):
            self._looked = time.monotonic()
            self.teller.coder.work()
            self.fitters.work(instant(now_ms()))
        return bool(ready)

    @property
    def waiting(self) -> int:
        """How much people have said, or mean to say, that the product does not know yet."""
        return len(self.outbox) + len(self.teller.coder.waiting)

    def queue(self, happenings: Sequence[Happening]) -> None:
        with self._guard:
            self.outbox += happenings

    def wake(self) -> None:
        """After the simulator was off: the plant stood still meanwhile."""
        self.engine.skip(now_ms())
        self.phase = LIVE

    def close(self) -> None:
        self._ledger.close()
