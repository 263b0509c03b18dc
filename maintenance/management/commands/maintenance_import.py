"""Import maintenance's own spreadsheet of interventions (XLSX or CSV)."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from maintenance.services import interventions_import
from plant.access import rule
from plant.services.sheets import SheetRefused


class Command(BaseCommand):
    help = "Import a spreadsheet of maintenance interventions; what is known already is left alone."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="show what would be added, write nothing")

    def handle(self, *args: Any, **options: Any) -> None:
        path: Path = options["file"]
        try:
            report = interventions_import(
                path=path, by=rule("maintenance-import"), dry_run=options["dry_run"]
            )
        except SheetRefused as refusal:
            raise CommandError(str(refusal)) from None
        for error in report.errors:
            self.stderr.write(f"{path.name}: {error}")
        if report.errors:
            raise CommandError(f"{path.name}: {len(report.errors)} mistakes; nothing was imported")
        for line in report.added:
            self.stdout.write(line)
        verb = "would add" if report.dry_run else "added"
        self.stdout.write(f"{path.name}: {verb} {len(report.added)}, known already {report.known}")
