from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

MACHINE = "The machine."
SIGNAL = "Its lot signal."
LOT = "Lot as signalled; it may not be known here."


class Migration(migrations.Migration):
    dependencies = [
        ("connectors", "0001_initial"),
        ("plant", "0001_initial"),
        ("production", "0012_what_time_and_pieces_are_worth"),
    ]

    operations = [
        migrations.CreateModel(
            name="LotSpan",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("lot_code", models.CharField(db_index=True, help_text=LOT, max_length=80)),
                ("start_time", models.DateTimeField(help_text="Start (UTC), included.")),
                (
                    "end_time",
                    models.DateTimeField(help_text="End (UTC), excluded; empty while it lasts.", null=True),
                ),
                (
                    "signal",
                    models.ForeignKey(
                        db_index=False,
                        help_text=SIGNAL,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="connectors.signaldefinition",
                    ),
                ),
                (
                    "work_unit",
                    models.ForeignKey(
                        db_index=False,
                        help_text=MACHINE,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="plant.equipment",
                    ),
                ),
            ],
            options={
                "ordering": ["work_unit", "start_time"],
                "indexes": [
                    models.Index(fields=["work_unit", "end_time", "start_time"], name="lot_span_window")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("signal", "start_time"), name="lot_span_once")
                ],
            },
        ),
    ]
