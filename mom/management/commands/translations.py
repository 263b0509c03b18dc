from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from mom import translations


class Command(BaseCommand):
    help = (
        "Compile the catalogues (default), collect new texts, or check that nothing is untranslated or fuzzy."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--extract", action="store_true", help="collect new texts into locale/")
        parser.add_argument("--check", action="store_true", help="fail on untranslated or fuzzy texts")

    def handle(self, *args: Any, extract: bool = False, check: bool = False, **options: Any) -> None:
        try:
            if extract:
                translations.extract(settings.BASE_DIR, settings.BASE_DIR)
            if check and (missing := translations.problems(settings.BASE_DIR)):
                raise CommandError("\n".join(map(str, missing)) + f"\n{len(missing)} texts to translate")
        except RuntimeError as error:
            raise CommandError(str(error)) from None
        for path in translations.compile_all(settings.BASE_DIR):
            self.stdout.write(f"compiled {path.relative_to(settings.BASE_DIR)}")
