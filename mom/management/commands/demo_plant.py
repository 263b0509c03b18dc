"""``manage.py demo_plant``: the simulated plant, from two weeks ago to now, then live, until SIGTERM."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import redis
import yaml
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mom.demo import control
from mom.demo.client import Api, Stopped
from mom.demo.live import Live
from mom.demo.preparing import connections_keep, store_open
from mom.demo.sheets import sheets_write
from mom.demo.simulator import PAST, Simulator
from mom.demo.store import KEYS, SETTINGS
from plant import env

logger = logging.getLogger(__name__)
BAR = 40
TELL_EVERY = 2.0


class Command(BaseCommand):
    help = "Run the demo plant: its past through the API, then live over OPC UA, MQTT and Sparkplug B."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--days",
            type=float,
            default=env.integer("MOM_DEMO_DAYS", 14, minimum=1),
            help="how far back it starts at the first run",
        )
        parser.add_argument("--file", type=Path, default=settings.BASE_DIR / "examples" / "demo_plant.yaml")
        parser.add_argument("--past-only", action="store_true", help="end when the past is told")

    def handle(self, *, days: float, file: Path, past_only: bool, **options: Any) -> None:
        logging.getLogger("asyncua").setLevel(logging.ERROR)
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        simulator = self._simulator(file, days, stopping)
        telling = threading.Thread(target=self._tell_on, args=(simulator,), name="people")
        telling.start()
        try:
            self._run(simulator, past_only)
            self._wait(simulator, until_told=past_only)
        except Stopped:
            self.stdout.write("stopped; the next run goes on from here")
        finally:
            stopping.set()
            telling.join()
            if simulator.phase != PAST:
                # A step of the past that was not told to its end is told again.
                simulator.save()
            simulator.close()

    def _tell_on(self, simulator: Simulator) -> None:
        """People take their time, beside the machines; their files come once the rest is told."""
        try:
            while not simulator.stopping.is_set():
                told = simulator.deliver(patient=True)
                if not simulator.waiting and simulator.sheets_due and simulator.phase != PAST:
                    simulator.sheets_due = False
                    self._spent(simulator.api)
                    self._sheets_import(simulator)
                if not told:
                    simulator.stopping.wait(TELL_EVERY)
        except Stopped:
            return
        except Exception:
            # Without its people the plant must not go on as if all were well.
            logger.exception("what people say could not be told")
            simulator.stopping.set()

    def _wait(self, simulator: Simulator, *, until_told: bool) -> None:
        while until_told and not simulator.stopping.is_set() and (simulator.waiting or simulator.sheets_due):
            simulator.stopping.wait(0.5)

    def _simulator(self, file: Path, days: float, stopping: threading.Event) -> Simulator:
        store = store_open()
        keys = store.read(KEYS)
        if keys is None:
            raise CommandError("the demo plant has no keys: run manage.py demo_prepare first")
        url = os.environ.get("MOM_WEB_URL", "http://127.0.0.1:8000/")
        with open(file) as text:
            document = yaml.safe_load(text)
        return Simulator(
            document, store, Api(url, keys, stopping), days=days, stopping=stopping, tell_progress=_tell
        )

    def _run(self, simulator: Simulator, past_only: bool) -> None:
        if simulator.phase == PAST:
            simulator.past(self._bar)
            self.stdout.write("")
        elif not past_only:
            simulator.wake()
        if past_only:
            return
        self.stdout.write("live")
        endpoint = (simulator.store.read(SETTINGS) or {}).get("endpoint", "")
        live = Live(simulator, broker=settings.MQTT_URL, endpoint=endpoint, powered=_keep)
        asyncio.run(live.run())

    def _spent(self, api: Api) -> None:
        """What the product took its time for, the longest first."""
        for what, (calls, seconds) in sorted(api.spent.items(), key=lambda item: -item[1][1]):
            self.stdout.write(f"{what}: {calls} calls, {seconds:.1f} s, {1000 * seconds / calls:.0f} ms each")

    def _sheets_import(self, simulator: Simulator) -> None:
        """Maintenance and quality bring their own files; what they refuse is said, and ends nothing."""
        interventions, checks = sheets_write(simulator.store)
        for command, path in (("maintenance_import", interventions), ("quality_import", checks)):
            said = io.StringIO()
            try:
                call_command(command, str(path), stdout=said, stderr=self.stderr)
                self.stdout.write(said.getvalue().splitlines()[-1])
            except CommandError as error:
                self.stderr.write(str(error))

    def _bar(self, told: dict[str, Any]) -> None:
        done = int(BAR * told["share"])
        bar = "#" * done + "." * (BAR - done)
        line = f"[{bar}] {told['share']:6.1%} {told['at'][:16]} {told['samples']:,} samples"
        # A log gets lines, a terminal one line that moves.
        self.stdout.write(
            f"\r{line}" if sys.stdout.isatty() else line, ending="" if sys.stdout.isatty() else "\n"
        )
        self.stdout.flush()


def _keep(slugs: list[str]) -> None:
    connections_keep(slugs=slugs, on=True)


def _tell(told: dict[str, Any]) -> None:
    try:
        control.progress_tell(told)
    except redis.RedisError:
        return
