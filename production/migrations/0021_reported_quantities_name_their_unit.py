"""What a counter counted is reported with the unit it counts in."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql" / "report"


class Migration(migrations.Migration):
    dependencies = [("production", "0020_alarms_in_the_machines_words")]

    operations = [
        migrations.RunSQL(
            [(SQL / "v1_quantities_with_unit.sql").read_text()],
            ["DROP VIEW report.v1_quantities", (SQL / "v1_quantities.sql").read_text()],
        ),
    ]
