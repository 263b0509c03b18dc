"""Store the job orders of a CSV or XLSX file."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from plant.access import rule
from production import services
from production.services.plans import shown

MARKS = {"stored": "+", "updated": "~", "unchanged": "=", "refused": "!"}


class Command(BaseCommand):
    help = "Store the job orders of a CSV or XLSX file. --dry-run shows what would change and stores nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="Show what would change; store nothing.")
        parser.add_argument("--why", default="", help="The reason kept with every version.")

    def handle(self, *args: Any, file: Path, dry_run: bool, why: str, **options: Any) -> None:
        if not file.is_file():
            raise CommandError(f"file: read {str(file)!r}, expected a CSV or XLSX file that exists")
        try:
            found = services.job_orders_import(
                content=file.read_bytes(),
                name=file.name,
                by=rule("job_orders_import"),
                dry_run=dry_run,
                why=why,
            )
        except services.Refused as error:
            raise CommandError(f"{file.name}: {error}") from None
        for row in found:
            self._tell(file.name, row)
        counts = {action: sum(row.stored.action == action for row in found) for action in MARKS}
        said = ", ".join(f"{number} {action}" for action, number in counts.items())
        self.stdout.write(f"{said}{' (dry run: nothing stored)' if dry_run else ''}")
        if counts["refused"]:
            raise CommandError(f"{counts['refused']} rows refused")

    def _tell(self, name: str, row: services.ImportResult) -> None:
        stored = row.stored
        self.stdout.write(f"{MARKS[stored.action]} {name}:{row.line} {stored.code}")
        for error in stored.errors:
            self.stdout.write(f"    {error}")
        if stored.action == "updated":
            for field, (before, after) in stored.changes.items():
                values = shown({"before": before, "after": after})
                self.stdout.write(f"    {field.removesuffix('_id')}: {values['before']} → {values['after']}")
