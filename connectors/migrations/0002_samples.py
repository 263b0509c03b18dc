from __future__ import annotations

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"
UNDO = {
    "signal_sample": "DROP TABLE connectors_signalsample",
    "sample_partition_ensure": "DROP FUNCTION connectors_sample_partition_ensure(date)",
    "connection_revision": "DROP FUNCTION connectors_connection_revised()",
    "connection_revision_trigger": "DROP TRIGGER connection_revised ON connectors_connection",
    "signal_revision": "DROP FUNCTION connectors_signal_revised()",
    "signal_revision_insert": "DROP TRIGGER signal_revised_insert ON connectors_signaldefinition",
    "signal_revision_update": "DROP TRIGGER signal_revised_update ON connectors_signaldefinition",
    "signal_revision_delete": "DROP TRIGGER signal_revised_delete ON connectors_signaldefinition",
}


class Migration(migrations.Migration):
    dependencies = [("connectors", "0001_initial")]
    operations = [migrations.RunSQL([(SQL / f"{name}.sql").read_text()], undo) for name, undo in UNDO.items()]
