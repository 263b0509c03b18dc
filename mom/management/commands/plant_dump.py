"""Write a site as a plant file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from mom.plant_file.dumping import SiteUnclear, plant_dump


class Command(BaseCommand):
    help = "Write the plant as a file that plant_load reads; to the terminal when no file is named."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, nargs="?")
        parser.add_argument("--site", default="", help="Code of the site, where there are several.")

    def handle(self, *args: Any, file: Path | None, site: str, **options: Any) -> None:
        try:
            text = plant_dump(site=site)
        except SiteUnclear as error:
            raise CommandError(str(error)) from None
        if file is None:
            self.stdout.write(text)
        else:
            file.write_text(text, encoding="utf-8")
