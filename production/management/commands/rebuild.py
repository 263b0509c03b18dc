"""Derive everything again from facts; with ``--check``, only compare."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from plant import selectors as plant
from production import services

SHOWN = 50


class Command(BaseCommand):
    help = "Derive states, stops, counts, spans and order states again from facts; --check only compares."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Compare row by row; non-zero exit on a difference."
        )
        parser.add_argument(
            "--equipment", action="append", metavar="CODE", help="Only this machine; may be repeated."
        )

    def handle(self, *args: Any, check: bool, equipment: list[str] | None, **options: Any) -> None:
        ids = None if equipment is None else [plant.equipment_by_code(code).pk for code in equipment]
        derive = services.rebuild_check if check else services.rebuild
        progress = self.stderr.write if options["verbosity"] > 1 else None
        found = derive(work_unit_ids=ids, progress=progress)
        for line in found.lines[:SHOWN]:
            self.stdout.write(line)
        if len(found.lines) > SHOWN:
            self.stdout.write(f"… and {len(found.lines) - SHOWN} more")
        said = (
            f"{found.work_units} machines, {found.samples} samples, {found.job_orders} orders: "
            f"{len(found.lines)} differences"
        )
        if check and found.lines:
            raise CommandError(said)
        self.stdout.write(said)
