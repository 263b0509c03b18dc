"""``manage.py demo_prepare``: accounts, keys and a tablet for the demo plant; prints JSON to show."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand

from mom.demo.preparing import demo_prepare


class Command(BaseCommand):
    help = "Make the demo plant's accounts with one-time passwords, its API keys and a tablet link; prints them as JSON."

    def handle(self, **options: Any) -> None:
        self.stdout.write(json.dumps(demo_prepare(), ensure_ascii=False))
