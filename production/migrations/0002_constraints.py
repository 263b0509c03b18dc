from __future__ import annotations

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"
UNDO = {
    "state_interval_no_overlap": "ALTER TABLE production_stateinterval DROP CONSTRAINT state_interval_no_overlap",
}


class Migration(migrations.Migration):
    dependencies = [("production", "0001_initial")]
    operations = [migrations.RunSQL([(SQL / f"{name}.sql").read_text()], undo) for name, undo in UNDO.items()]
