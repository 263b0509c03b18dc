from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("plant", "0004_reasons_have_dates"),
    ]

    operations = [
        migrations.AddField(
            model_name="reason",
            name="is_catch_all",
            field=models.BooleanField(
                default=False, help_text="Says little, such as Other: its share of the time is watched."
            ),
        ),
    ]
