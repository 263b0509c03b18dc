from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("connectors", "0006_who_came_went_and_follows")]

    operations = [
        migrations.RunSQL(
            [(SQL / "sample_before.sql").read_text()],
            ["DROP FUNCTION connectors_sample_before(bigint, timestamptz)"],
        ),
    ]
