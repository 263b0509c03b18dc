"""Load a plant file, or show what loading it would change."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from mom.plant_file import diff
from mom.plant_file.loading import plant_load
from mom.plant_file.problems import PlantFileError
from plant.access import rule


class Command(BaseCommand):
    help = "Load a plant file: shows what changes, all or nothing; nothing is deleted."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--dry-run", action="store_true", help="Show the changes and make none.")

    def handle(self, *args: Any, file: Path, dry_run: bool, **options: Any) -> None:
        try:
            text = file.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file}: {error}; expected a plant file in UTF-8") from None
        try:
            outcome = plant_load(
                text=text, file=str(file), by=rule("plant_load"), now=timezone.now(), dry_run=dry_run
            )
        except PlantFileError as error:
            count = len(error.problems)
            raise CommandError(f"{error}\n{file}: {count} mistake(s); nothing was changed") from None
        for line in diff.lines(outcome):
            self.stdout.write(line)
        for badge, pin in outcome.pins:
            self.stdout.write(f"PIN of {badge}: {pin} (shown this once)")
        if dry_run:
            self.stdout.write("dry run: nothing was changed")
