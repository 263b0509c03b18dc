"""Closed windows are found by the parts between two rates they lie in; time is added up by class at once."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("production", "0018_closed_windows_look_orders_up"),
    ]

    operations = [
        migrations.RunSQL([(SQL / "rollup_read.sql").read_text()], migrations.RunSQL.noop),
    ]
