from __future__ import annotations

from pathlib import Path

import django.db.models
from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql"


class Migration(migrations.Migration):
    dependencies = [("plant", "0002_parallel_groups_and_link_tolerance")]

    operations = [
        migrations.CreateModel(
            name="ConfigurationRevision",
            fields=[
                (
                    "id",
                    models.SmallIntegerField(
                        default=1,
                        help_text="Always 1: there is one row.",
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("value", models.UUIDField(help_text="Drawn anew with every change of master data.")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=django.db.models.Q(("id", 1)), name="configuration_revision_is_one"
                    )
                ]
            },
        ),
        migrations.RunSQL(
            [(SQL / "configuration_revised.sql").read_text()],
            "DROP FUNCTION plant_configuration_revised() CASCADE",
        ),
    ]
