"""Learn from what a line's machines reported how far apart they report one event."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from plant import selectors as plant
from plant.access import rule
from production.services.line_tolerances import line_tolerances_learn


class Command(BaseCommand):
    help = "Set the tolerance of each link of a line to the 95th percentile of the lag its machines show."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("line", help="Code of the line.")
        parser.add_argument("--days", type=int, default=14, help="How far to look back (default 14).")
        parser.add_argument("--dry-run", action="store_true", help="Only say what would be set.")

    def handle(self, *args: Any, line: str, days: int, dry_run: bool, **options: Any) -> None:
        place = plant.configuration_rows("plant.Equipment", code=line, level="line").first()
        if place is None:
            raise CommandError(f"line: read {line!r}, expected the code of a line")
        end = timezone.now()
        found = line_tolerances_learn(
            line_id=place.pk,
            start=end - timedelta(days=days),
            end=end,
            by=rule("links_learn"),
            keep=not dry_run,
        )
        for link in found:
            seconds = "too few stops" if link.tolerance is None else f"{link.tolerance.total_seconds():g} s"
            self.stdout.write(f"{link.upstream} → {link.downstream}: {seconds} ({link.stops} stops)")
        if not found:
            self.stdout.write(f"{line}: no link is declared")
