from __future__ import annotations

import asyncio
import faulthandler
import gc
import json
import logging
import os
import signal
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

from celery import current_app
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError, InterfaceError, close_old_connections

from connectors import jobs, services
from connectors.domain.wire import gap_to_json
from connectors.runner import Configurations, Runner
from connectors.selectors import configuration_export
from connectors.spool import Spool, SpoolBroken
from connectors.transports.celery_broker import CeleryCarrier

log = logging.getLogger("connectors.runner")
# Longer than the last batches get to be confirmed, shorter than a supervisor waits before it kills.
END_WITHIN = 7.5


class Command(BaseCommand):
    help = "Keep connections running: source → local spool → ingest. Ends cleanly on SIGTERM."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slugs", nargs="*", help="connections to run")
        parser.add_argument("--all", action="store_true", help="every enabled connection")
        parser.add_argument("--config", type=Path, help="file of connector_export: needs no database")
        parser.add_argument("--spool", type=Path, help="spool file (default: in the data directory)")
        parser.add_argument(
            "--spool-limit-mb", type=int, default=4096, help="stop acknowledging beyond this size"
        )
        parser.add_argument("--tick", type=float, default=1.0, help="seconds between watermarks")

    def handle(self, *args: Any, **options: Any) -> None:
        slugs: list[str] = options["slugs"]
        if not (slugs or options["all"] or options["config"]):
            raise CommandError("name connections, or say --all or --config FILE")
        name = "+".join(sorted(slugs)) or (options["config"].stem if options["config"] else "all")
        path = options["spool"] or settings.DATA_DIR / "spool" / f"{name}.sqlite"
        try:
            spool = Spool(path, limit=options["spool_limit_mb"] * 1024 * 1024)
        except SpoolBroken as error:
            raise CommandError(str(error)) from error
        if options["config"]:
            wanted = from_file(options["config"], slugs or None)
        else:
            wanted = from_database(slugs or None, path.with_suffix(".connections.json"), UUID(spool.id))
        # What is loaded by now stays: collections look at what came after it only, and pause nobody for long
        gc.collect()
        gc.freeze()
        try:
            asyncio.run(_run(spool, wanted, options["tick"]))
        except SpoolBroken as error:
            raise CommandError(f"the spool's disk failed: {error}", returncode=74) from error
        finally:
            if not options["config"]:
                _let_go(UUID(spool.id))
            spool.close()


async def _run(spool: Spool, configurations: Configurations, tick: float) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def end() -> None:
        stop.set()
        _end_in_time()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end)
    carrier = CeleryCarrier(
        current_app,
        settings.REDIS_URL,
        ingest=(jobs.INGEST.name, jobs.INGEST.queue),
        tick=(jobs.TICK.name, jobs.TICK.queue),
        report=(jobs.SPOOL_REPORT.name, jobs.SPOOL_REPORT.queue),
    )
    log.info("runner started, spool %s holds %d batches", spool.path, len(spool))
    try:
        await Runner(spool, carrier, configurations, tick_seconds=tick).run(stop)
    finally:
        await carrier.close()
        log.info("runner stopped, spool holds %d batches", len(spool))


# Said when a connection is taken over, and only then
_ONCE = ("since", "open_gaps")


def _ours(items: list[dict[str, Any]], holder: UUID) -> list[dict[str, Any]]:
    """Those whose lease is ours, and those made to be shared; from where the runner before us got no further,
    and what it left open.
    """
    shared = {item["slug"] for item in items if item["config"].get("share")}
    wanted = [item["slug"] for item in items if item["slug"] not in shared]
    held = services.leases_hold(slugs=wanted, holder=holder)
    for item in items:
        taken = held.get(item["slug"])
        if taken is not None and taken.since is not None:
            log.warning("%s: taken over; another runner followed it until %s", item["slug"], taken.since)
            item["since"] = taken.since.isoformat()
            item["open_gaps"] = [gap_to_json(gap) for gap in taken.open_gaps]
    return [item for item in items if item["slug"] in held or item["slug"] in shared]


def _let_go(holder: UUID) -> None:
    try:
        close_old_connections()
        services.leases_release(holder=holder)
    except (DatabaseError, InterfaceError) as error:
        log.info("leases end by themselves: %s", error)


def _end_in_time() -> None:
    """A thread of a library that does not end must not keep the process: what matters is on disk already."""

    def give_up() -> None:
        log.warning("a thread did not end within %s s, the process ends without it:", END_WITHIN)
        faulthandler.dump_traceback()
        os._exit(0)

    timer = threading.Timer(END_WITHIN, give_up)
    timer.daemon = True
    timer.start()


def from_file(path: Path, slugs: list[str] | None) -> Configurations:
    """The file's connections; read again when it changes. A file that cannot be read leaves all as it was."""

    async def read() -> list[dict[str, Any]] | None:
        try:
            items: list[dict[str, Any]] = json.loads(await asyncio.to_thread(path.read_text))
            return [item for item in items if slugs is None or item["slug"] in slugs]
        except (OSError, ValueError, KeyError, TypeError) as error:
            log.error("%s: %s", path, error)
            return None

    return read


def from_database(slugs: list[str] | None, kept: Path, holder: UUID) -> Configurations:
    """The database's connections that no other runner follows; what was read last is kept beside the spool
    for a start while it is down.
    """
    first = True

    def query() -> list[dict[str, Any]] | None:
        nonlocal first
        close_old_connections()
        try:
            items = _ours(configuration_export(slugs=slugs), holder)
        except (DatabaseError, InterfaceError) as error:
            if not first:
                return None
            first = False
            log.warning("database: %s; starting with the connections known before", error)
            return json.loads(kept.read_text()) if kept.exists() else None
        first = False
        text = json.dumps([{k: v for k, v in item.items() if k not in _ONCE} for item in items])
        if not kept.exists() or kept.read_text() != text:
            kept.write_text(text)
        return items

    async def read() -> list[dict[str, Any]] | None:
        return await asyncio.to_thread(query)

    return read
