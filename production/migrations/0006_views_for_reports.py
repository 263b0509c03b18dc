from __future__ import annotations

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql" / "report"
VIEWS = (
    "equipment", "states", "stops", "downtime", "downtime_by_reason", "orders", "quantities", "alarms",
    "reasons", "reason_entries", "calendar", "ideal_rates",
)  # fmt: skip


def made(name: str, undo: str) -> migrations.RunSQL:
    return migrations.RunSQL([(SQL / f"{name}.sql").read_text()], undo)


class Migration(migrations.Migration):
    dependencies = [
        ("connectors", "0003_counters_know_their_maximum_rate"),
        ("plant", "0005_reasons_catch_all"),
        ("production", "0005_reason_rules"),
    ]
    operations = [
        made("schema", "DROP SCHEMA report"),
        *(made(f"v1_{name}", f"DROP VIEW report.v1_{name}") for name in VIEWS),
    ]
