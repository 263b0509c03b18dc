"""`manage.py run_plant`: the whole installation on this machine; what `make run` does."""

from __future__ import annotations

import os
import sys
from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Run database, queue, broker, web, worker, beat, runner and demo plant on this machine."
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        # The supervisor needs no Django: replacing this process gives back the memory Django took.
        os.execv(sys.executable, [sys.executable, "-m", "mom.embedded", *argv[2:]])

    def handle(self, *args: Any, **options: Any) -> None:
        self.run_from_argv(["manage.py", "run_plant", *args])
