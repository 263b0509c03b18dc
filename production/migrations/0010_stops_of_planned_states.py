from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("production", "0009_stations_and_instructions"),
    ]

    operations = [
        migrations.AlterField(
            model_name="stop",
            name="base_class",
            field=models.CharField(
                choices=[
                    ("own", "Own"),
                    ("idle", "Idle"),
                    ("starved", "Starved"),
                    ("blocked", "Blocked"),
                    ("suspended", "Suspended"),
                    ("planned", "Planned"),
                ],
                help_text="Own, idle, induced by a neighbour, or planned.",
                max_length=10,
            ),
        ),
    ]
