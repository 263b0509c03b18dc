import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("plant", "0002_parallel_groups_and_link_tolerance"),
        ("production", "0003_machines_have_their_own_time_on_an_order"),
    ]

    operations = [
        migrations.CreateModel(
            name="ContributionRate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "per_unit",
                    models.DecimalField(
                        decimal_places=6,
                        help_text="Contribution of one unit of the product.",
                        max_digits=14,
                    ),
                ),
                (
                    "currency",
                    models.CharField(default="EUR", help_text="ISO 4217 code, such as EUR.", max_length=3),
                ),
                (
                    "valid_from",
                    models.DateTimeField(
                        help_text="From when on (UTC), until a later row of the same product."
                    ),
                ),
                (
                    "recorded_at",
                    models.DateTimeField(auto_now_add=True, help_text="When this was entered."),
                ),
                (
                    "product",
                    models.ForeignKey(
                        help_text="The product.",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="plant.materialdefinition",
                    ),
                ),
            ],
            options={
                "ordering": ["product", "valid_from"],
                "constraints": [
                    models.UniqueConstraint(fields=("product", "valid_from"), name="contribution_rate_once"),
                    models.CheckConstraint(
                        condition=models.Q(("per_unit__gte", 0)), name="contribution_rate_not_negative"
                    ),
                ],
            },
        ),
    ]
