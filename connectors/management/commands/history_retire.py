from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils import timezone

from connectors import services


class Command(BaseCommand):
    help = "Drop packed days older than HISTORY_KEEP_MONTHS says; --dry-run only tells what it would drop."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="drop nothing")

    def handle(self, *args: Any, dry_run: bool, **options: Any) -> None:
        now = timezone.now()
        if not settings.HISTORY_KEEP_MONTHS:
            self.stdout.write("HISTORY_KEEP_MONTHS names no role: everything is kept")
        due = list(services.history_due(now=now))
        gone = due if dry_run else services.history_retire(now=now)
        samples = size = 0
        for drop in due:
            if drop.held:
                self._say("kept", drop, drop.held)
        for drop in gone:
            if not drop.held:
                self._say("would go" if dry_run else "dropped", drop, f"{drop.rule}; {drop.why}")
                samples, size = samples + drop.samples, size + drop.size
        self.stdout.write(f"{'would go' if dry_run else 'dropped'}: {samples} values, {size} bytes")

    def _say(self, word: str, drop: services.Drop, why: str) -> None:
        place = f"{drop.signal.connection.slug} {drop.signal.address}"
        last = (drop.end - timedelta(days=1)).date()
        self.stdout.write(f"{word}  {place}  {drop.start.date()} to {last}  {drop.samples} values  {why}")
