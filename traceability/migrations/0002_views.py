"""The view genealogy is read from."""

from __future__ import annotations

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("traceability", "0001_initial")]
    operations = [
        migrations.RunSQL((SQL / "lot_edge.sql").read_text(), "DROP VIEW traceability_lotedge"),
    ]
