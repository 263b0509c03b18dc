from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("mom", "0007_orders_are_signed"),
        ("plant", "0005_reasons_catch_all"),
    ]

    operations = [
        migrations.CreateModel(
            name="SavedView",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "page",
                    models.CharField(
                        choices=[("stops", "Stops")], help_text="The list it filters.", max_length=20
                    ),
                ),
                ("name", models.CharField(help_text="What its owner calls it.", max_length=80)),
                (
                    "query",
                    models.CharField(
                        blank=True,
                        help_text="The filters, as in the address; empty: the list unfiltered.",
                        max_length=500,
                    ),
                ),
                ("saved_at", models.DateTimeField(help_text="When it was last saved (UTC).")),
                (
                    "line",
                    models.ForeignKey(
                        help_text="The line whose people see it too; empty: its owner alone.",
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="plant.equipment",
                    ),
                ),
                (
                    "owner",
                    models.ForeignKey(
                        help_text="Who saved it and may delete it.",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="plant.person",
                    ),
                ),
            ],
            options={
                "ordering": ["name", "id"],
                "constraints": [
                    models.UniqueConstraint(fields=("owner", "page", "name"), name="saved_view_once_per_name")
                ],
            },
        ),
    ]
