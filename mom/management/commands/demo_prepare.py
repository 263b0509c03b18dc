"""``manage.py demo_prepare``: accounts, keys and a tablet for the demo plant; prints JSON to show."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from mom.demo.preparing import demo_prepare


class Command(BaseCommand):
    help = "Make the demo plant's accounts, keys and tablet links; print as JSON what is shown once."

    def handle(self, **options: Any) -> None:
        self.stdout.write(json.dumps(demo_prepare(), ensure_ascii=False))
