from datetime import timedelta

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("plant", "0003_configuration_revision"),
    ]

    operations = [
        migrations.AddField(
            model_name="reason",
            name="expected_duration",
            field=models.DurationField(
                blank=True,
                help_text="How long it usually takes; a longer stop is marked as an overrun.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="reason",
            name="valid_from",
            field=models.DateTimeField(
                blank=True,
                help_text="Offered for stops from then on (UTC); empty: always has been.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="reason",
            name="valid_to",
            field=models.DateTimeField(
                blank=True, help_text="Offered for stops before then (UTC); empty: still is.", null=True
            ),
        ),
        migrations.AddConstraint(
            model_name="reason",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("valid_from__isnull", True),
                    ("valid_to__isnull", True),
                    ("valid_to__gt", models.F("valid_from")),
                    _connector="OR",
                ),
                name="reason_dates_ordered",
            ),
        ),
        migrations.AddConstraint(
            model_name="reason",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("expected_duration__isnull", True),
                    ("expected_duration__gt", timedelta(0)),
                    _connector="OR",
                ),
                name="reason_expected_duration_positive",
            ),
        ),
    ]
