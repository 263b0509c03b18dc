"""`manage.py doctor`: what is wrong with this installation, and what to type. Under ten seconds."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandParser
from django.db import connection

from mom import health

CONNECT_SECONDS = 3
MARKS = {health.Status.OK: "ok  ", health.Status.WARN: "warn", health.Status.FAIL: "FAIL"}


class Command(BaseCommand):
    help = "Check database, migrations, task queue, workers, scheduler, clock, disk and connections."
    # Its own checks are the point; the framework's would need what may be broken.
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", dest="as_json", help="one JSON document")

    def handle(self, *, as_json: bool, **options: Any) -> None:
        if not connection.in_atomic_block:
            # A host that swallows packets must not use up the ten seconds.
            connection.settings_dict.setdefault("OPTIONS", {}).setdefault("connect_timeout", CONNECT_SECONDS)
        found = health.findings()
        if as_json:
            body = {"status": health.worst(found), "checks": [asdict(finding) for finding in found]}
            self.stdout.write(json.dumps(body))
        else:
            for finding in found:
                self.stdout.write(f"{MARKS[finding.status]}  {finding.check:<14} {finding.cause}")
                if finding.fix:
                    self.stdout.write(f"      {'':<14} → {finding.fix}")
        if health.worst(found) is health.Status.FAIL:
            sys.exit(1)
