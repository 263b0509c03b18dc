"""Reading closed windows looks up the orders in them instead of reading every order."""

from pathlib import Path

from django.db import migrations

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [
        ("production", "0017_marks_of_times_alone"),
    ]

    operations = [
        migrations.RunSQL([(SQL / "rollup_read.sql").read_text()], migrations.RunSQL.noop),
    ]
