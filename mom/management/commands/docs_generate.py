from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mom import documentation


class Command(BaseCommand):
    help = "Write docs/models and the models part of docs/glossary.md from the models."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="fail when a page differs instead of writing it"
        )

    def handle(self, *args: Any, check: bool = False, **options: Any) -> None:
        if not check:
            for path in documentation.write(settings.BASE_DIR):
                self.stdout.write(f"wrote {path.relative_to(settings.BASE_DIR)}")
        elif stale := documentation.outdated(settings.BASE_DIR):
            names = "\n".join(str(path.relative_to(settings.BASE_DIR)) for path in stale)
            raise CommandError(f"{names}\nrun: manage.py docs_generate")
