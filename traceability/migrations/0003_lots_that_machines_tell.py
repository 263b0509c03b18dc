"""Genealogy knows what machines said, where nobody booked it."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"
DROP = "DROP VIEW traceability_lotedge_any; DROP VIEW traceability_lotedge_told"


class Migration(migrations.Migration):
    dependencies = [
        ("traceability", "0002_views"),
        ("production", "0013_lots_that_machines_tell"),
    ]
    operations = [migrations.RunSQL((SQL / "lot_edge_told.sql").read_text(), DROP)]
