"""`manage.py plant_prepare`: static files and, on an empty database, the demo plant. Called by `make run`."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandParser

from mom.embedded.places import private_write

DEMO_PLANT = Path("examples") / "demo_plant.yaml"


class Command(BaseCommand):
    help = "Collect static files and, with --demo, load the demo plant into an empty database."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--demo", action="store_true", help="load the demo plant into an empty database")
        parser.add_argument("--answer", type=Path, help="file to write links and one-time passwords to")

    def handle(self, *, demo: bool, answer: Path | None, **options: Any) -> None:
        call_command("collectstatic", interactive=False, verbosity=0)
        given = self._demo_prepare() if demo else {}
        if answer is not None:
            private_write(answer, json.dumps(given))
        elif given:
            self.stdout.write(json.dumps(given, indent=1, ensure_ascii=False))

    def _demo_prepare(self) -> dict[str, Any]:
        # A plant that is there already may have been edited since: it is never loaded over.
        given: dict[str, Any] = {}
        if not apps.get_model("plant", "Equipment").objects.exists():
            given["badge and PIN"] = self._plant_load(settings.BASE_DIR / DEMO_PLANT)
        if "demo_prepare" in get_commands():
            said = io.StringIO()
            call_command("demo_prepare", stdout=said)
            given |= json.loads(said.getvalue() or "{}")
        return given

    def _plant_load(self, file: Path) -> list[str]:
        """The one-time PINs it printed, kept out of this command's own output, which goes to a log."""
        said = io.StringIO()
        call_command("plant_load", str(file), stdout=said)
        pins = []
        for line in said.getvalue().splitlines():
            if line.startswith("PIN of "):
                pins.append(line.removeprefix("PIN of ").removesuffix(" (shown this once)"))
            else:
                self.stdout.write(line)
        return pins
