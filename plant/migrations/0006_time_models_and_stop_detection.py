import django.core.validators
import django.db.models.deletion
from django.db import migrations, models

import plant.models.time_model


class Migration(migrations.Migration):
    dependencies = [
        ("plant", "0005_reasons_catch_all"),
    ]

    operations = [
        migrations.AddField(
            model_name="equipment",
            name="no_count_after",
            field=models.DurationField(
                blank=True,
                help_text="So long without a piece while it runs means stopped since the last one.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="equipment",
            name="no_count_cycles",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="The same in cycles of its slowest ideal rate; of the two the longer holds.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
            ),
        ),
        migrations.AddField(
            model_name="equipment",
            name="slow_below",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="Percent of the ideal rate below which it runs slow (empty: not told apart).",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(100),
                ],
            ),
        ),
        migrations.AddField(
            model_name="equipment",
            name="slow_over",
            field=models.DurationField(
                blank=True,
                help_text="Time over which that rate is taken, in whole five minutes (default 15 min).",
                null=True,
            ),
        ),
        migrations.CreateModel(
            name="TimeModel",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name_en", models.CharField(blank=True, help_text="Label in English.", max_length=120)),
                ("name_fr", models.CharField(blank=True, help_text="Label in French.", max_length=120)),
                (
                    "valid_from",
                    models.DateTimeField(
                        help_text="For states that begin from then on (UTC), until a later row of the family."
                    ),
                ),
                (
                    "states",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text="What each named state counts as, such as idle: own, or idle: suspended.",
                        validators=[plant.models.time_model.states_known],
                    ),
                ),
                (
                    "modes",
                    models.JSONField(
                        blank=True,
                        default=dict,
                        help_text=(
                            "What a standstill in each mode is, such as cleaning: planned_maintenance."
                        ),
                        validators=[plant.models.time_model.modes_known],
                    ),
                ),
                ("recorded_at", models.DateTimeField(auto_now_add=True, help_text="When this was entered.")),
                (
                    "equipment_class",
                    models.ForeignKey(
                        help_text="The family of machines it holds for, and the families within it.",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="time_models",
                        to="plant.equipmentclass",
                    ),
                ),
            ],
            options={
                "ordering": ["equipment_class", "valid_from"],
                "constraints": [
                    models.UniqueConstraint(fields=("equipment_class", "valid_from"), name="time_model_once")
                ],
            },
        ),
    ]
