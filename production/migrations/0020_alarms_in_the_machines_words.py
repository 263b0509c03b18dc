"""An alarm keeps the words the machine raised it with; reports read them."""

from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql" / "report"


class Migration(migrations.Migration):
    dependencies = [
        ("production", "0019_closed_windows_are_read_in_their_parts"),
    ]

    operations = [
        migrations.AddField(
            model_name="alarminterval",
            name="text",
            field=models.CharField(
                blank=True,
                default="",
                help_text="The machine's own words when it was raised, in its own language; empty if it sent none.",
                max_length=200,
            ),
        ),
        migrations.RunSQL(
            [(SQL / "v1_alarms_with_text.sql").read_text()],
            ["DROP VIEW report.v1_alarms", (SQL / "v1_alarms.sql").read_text()],
        ),
    ]
