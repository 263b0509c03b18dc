"""A line page under two hundred pollers, in a whole installation, against rendering it for each of them.

``unchanged`` polls ask with the tag they hold, back to back; ``rendered`` ones come after a change each, with
a question of their own, so that no drawing is shared.
"""

from __future__ import annotations

import http.client
import logging
import os
import random
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection
from django.test import Client

from plant.models import Equipment
from plant.services import revision_bump
from tests.benchmarks.installation import beside, installation
from tests.benchmarks.result import Ratio
from tests.benchmarks.timing import allowed
from tests.factories.busy import plant_busy
from tests.factories.pages import Plant, plant_running

POLLERS, EVERY = int(os.environ.get("BENCH_POLLERS", "200")), 2.0
SECONDS = float(os.environ.get("BENCH_POLLERS_SECONDS", "20"))
BACK_TO_BACK = 8
GOAL, P95_MS = 10, 300
PATH = "/lines/L2/"


@dataclass
class Poller:
    """One reader of the page with a connection of its own."""

    port: int
    cookie: str
    etag: str = ""
    taken: list[float] = field(default_factory=list)
    rendered: int = 0

    def __post_init__(self) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)

    def ask(self, *, held: bool = True) -> None:
        headers = {"Cookie": self.cookie, "X-Poll": "1", "Accept-Language": "en"}
        if held and self.etag:
            headers["If-None-Match"] = self.etag
        path = PATH if held else f"{PATH}?reader={id(self)}-{len(self.taken)}"
        began = time.perf_counter()
        self._connection.request("GET", path, headers=headers)
        answer = self._connection.getresponse()
        answer.read()
        self.taken.append((time.perf_counter() - began) * 1000)
        assert answer.status in (200, 304), answer.status
        if answer.status == 200:
            self.rendered += 1
            self.etag = answer.headers["ETag"]

    def close(self) -> None:
        self._connection.close()


def run() -> list[Ratio]:
    # Samples landed wake a worker; none listens to this process, nor its broker.
    logging.getLogger("django.dispatch").setLevel(logging.CRITICAL)
    with installation(demo=False) as place, beside(place):
        plant = plant_running()
        plant_busy(plant)
        cookie = _cookie(plant)
        line = Equipment.objects.get(code="L2")
        first = Poller(place.port, cookie)
        first.ask()
        unchanged = _per_second(place.port, cookie, lambda: None, held=True)
        rendered = _per_second(place.port, cookie, lambda: revision_bump(line_id=line.pk), held=False)
        first.close()
        busy, began = time.process_time(), time.monotonic()
        taken = _polled(place.port, cookie, line)
        own = (time.process_time() - busy) / (time.monotonic() - began)
        p95 = statistics.quantiles(taken, n=20, method="inclusive")[-1]
    name = f"line page under {POLLERS} pollers"
    return [
        Ratio(f"{name} (requests/s)", unchanged, rendered, "rendered for each", goal=GOAL),
        allowed(f"{name}, one poll in {EVERY:g} s each and a change a second, p95", p95, P95_MS),
        # Two hundred readers are threads of this process, on the same processors as the server.
        Ratio(f"{name}, what the readers themselves take (% of a processor)", own * 100, 100, "a processor"),
    ]


def _cookie(plant: Plant) -> str:
    client = Client()
    assert plant.supervisor is not None
    client.force_login(plant.supervisor, backend="django.contrib.auth.backends.ModelBackend")
    return f"sessionid={client.cookies['sessionid'].value}"


def _per_second(port: int, cookie: str, before: Callable[[], object], *, held: bool) -> float:
    """Answers a second to readers who ask again as soon as they are answered."""
    pollers = [Poller(port, cookie) for _ in range(BACK_TO_BACK)]
    for poller in pollers:
        poller.ask()
    ended = time.monotonic() + SECONDS / 2

    def ask(poller: Poller) -> None:
        poller.taken.clear()
        while time.monotonic() < ended:
            before()
            poller.ask(held=held)
        connection.close()

    began = time.monotonic()
    _together([threading.Thread(target=ask, args=(poller,), daemon=True) for poller in pollers])
    spent = time.monotonic() - began
    for poller in pollers:
        poller.close()
    return sum(len(poller.taken) for poller in pollers) / spent


def _polled(port: int, cookie: str, line: Equipment) -> list[float]:
    """Milliseconds of every poll while the line changes once a second."""
    pollers = [Poller(port, cookie) for _ in range(POLLERS)]
    ended = time.monotonic() + SECONDS

    def watch(poller: Poller) -> None:
        time.sleep(random.uniform(0, EVERY))
        while time.monotonic() < ended:
            poller.ask()
            time.sleep(EVERY * random.uniform(0.85, 1.15))

    def change() -> None:
        while time.monotonic() < ended:
            revision_bump(line_id=line.pk)
            time.sleep(1)
        connection.close()

    threads = [threading.Thread(target=watch, args=(poller,), daemon=True) for poller in pollers]
    _together([*threads, threading.Thread(target=change, daemon=True)])
    for poller in pollers:
        poller.close()
    # The first poll of each finds no copy of its own yet.
    return [ms for poller in pollers for ms in poller.taken[1:]]


def _together(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SECONDS * 3 + 60)
        assert not thread.is_alive(), "a poller never ended"
