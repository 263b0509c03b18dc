"""``manage.py demo_sheets``: example spreadsheets of maintenance and quality, from the demo plant."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import yaml
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser

from mom.demo.sheets import sheets_example
from mom.demo.spec import plant_spec

START = datetime.fromisoformat("2026-01-05T05:00:00+01:00")


class Command(BaseCommand):
    help = "Write interventions.xlsx and checks.xlsx as maintenance and quality of the demo plant keep them."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("folder", type=Path, nargs="?", default=settings.BASE_DIR / "examples")
        parser.add_argument("--days", type=int, default=5)

    def handle(self, *, folder: Path, days: int, **options: Any) -> None:
        document = yaml.safe_load((settings.BASE_DIR / "examples" / "demo_plant.yaml").read_text())
        start = int(START.timestamp() * 1000)
        for path in sheets_example(plant_spec(document), folder, start=start, days=days):
            self.stdout.write(str(path))
