from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from connectors.selectors import configuration_export


class Command(BaseCommand):
    help = "Write the connections as the file an edge runner needs (run_connector --config FILE)."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("slugs", nargs="*", help="connections; all enabled ones unless named")
        parser.add_argument("--output", type=Path, help="file to write; printed unless given")

    def handle(self, *args: Any, **options: Any) -> None:
        text = json.dumps(configuration_export(slugs=options["slugs"] or None), indent=2, ensure_ascii=False)
        if options["output"] is None:
            self.stdout.write(text)
        else:
            options["output"].write_text(text + "\n")
