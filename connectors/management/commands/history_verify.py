from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from connectors import services
from connectors.models import Connection, SignalDefinition

SAID = {
    "changed": "differs from its seal, or one before it is gone",
    "damaged": "cannot be read",
    "fewer": "fewer segments than at the last check",
}


class Command(BaseCommand):
    help = "Read all packed history and compare it with its seals; non-zero exit where something was changed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--connection", default="", help="code of one connection; without it, all")

    def handle(self, *args: Any, connection: str, **options: Any) -> None:
        if connection and not Connection.objects.filter(slug=connection).exists():
            raise CommandError(f"no connection {connection!r}")
        broken = 0
        for check in services.history_verify(slug=connection):
            slug = check.connection.slug
            for signal, day, wrong in check.broken:
                broken += 1
                found = SignalDefinition.objects.filter(pk=signal).first()
                self.stdout.write(f"{slug}  {found.address if found else ''}  {day or ''}  {SAID[wrong]}")
            self.stdout.write(f"{slug}: {check.segments} segments, {check.samples} values read")
        if broken:
            raise CommandError(f"{broken} do not agree with their seals")
