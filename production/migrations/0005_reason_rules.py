from datetime import timedelta

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("plant", "0004_reasons_have_dates"),
        ("production", "0004_contribution_rates"),
    ]

    operations = [
        migrations.AddField(
            model_name="reasonassertion",
            name="together",
            field=models.UUIDField(
                help_text="Names the split, merge or undo this entry was said in, with its others.", null=True
            ),
        ),
        migrations.CreateModel(
            name="ReasonRule",
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
                    "code",
                    models.CharField(help_text="Short unique code, such as R12.", max_length=40, unique=True),
                ),
                (
                    "fault_code",
                    models.CharField(
                        help_text="Fault or alarm code as the machine reports it; E1* is all that begin so.",
                        max_length=80,
                    ),
                ),
                (
                    "priority",
                    models.PositiveSmallIntegerField(
                        default=0, help_text="Where several rules match, the highest speaks."
                    ),
                ),
                (
                    "look_back",
                    models.DurationField(
                        default=timedelta(seconds=5),
                        help_text="How far from the start of the stop the code may have been reported.",
                    ),
                ),
                (
                    "valid_from",
                    models.DateTimeField(
                        default=django.utils.timezone.now,
                        help_text="It speaks of stops that begin from then on (UTC).",
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True, help_text="Unticked when it no longer speaks; what it said stays."
                    ),
                ),
                (
                    "equipment",
                    models.ForeignKey(
                        blank=True,
                        help_text="The machine it is for; empty for all of the class, or for all machines.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="plant.equipment",
                    ),
                ),
                (
                    "equipment_class",
                    models.ForeignKey(
                        blank=True,
                        help_text="The class of machines it is for, narrower classes included.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="plant.equipmentclass",
                    ),
                ),
                (
                    "reason",
                    models.ForeignKey(
                        help_text="The reason it gives.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="plant.reason",
                    ),
                ),
            ],
            options={
                "ordering": ["-priority", "code"],
            },
        ),
        migrations.AddField(
            model_name="reasonassertion",
            name="rule",
            field=models.ForeignKey(
                db_index=False,
                help_text="The rule that said it, if a rule did.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="production.reasonrule",
            ),
        ),
        migrations.AddIndex(
            model_name="reasonassertion",
            index=models.Index(
                condition=models.Q(("together__isnull", False)),
                fields=["together"],
                name="reason_assertion_together",
            ),
        ),
        migrations.AddConstraint(
            model_name="reasonassertion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("rule__isnull", False)),
                fields=("equipment", "start_time"),
                name="reason_by_rule_once_per_stop",
            ),
        ),
        migrations.AddConstraint(
            model_name="reasonrule",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("equipment__isnull", True), ("equipment_class__isnull", True), _connector="OR"
                ),
                name="reason_rule_machine_or_class",
            ),
        ),
        migrations.AddConstraint(
            model_name="reasonrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("fault_code", ""), _negated=True), name="reason_rule_has_code"
            ),
        ),
        migrations.AddConstraint(
            model_name="reasonrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("look_back__gte", timedelta(0))),
                name="reason_rule_look_back_not_negative",
            ),
        ),
    ]
