from pathlib import Path

from django.db import migrations, models

SQL = Path(__file__).resolve().parent.parent / "sql"
# As they were: ``production/sql/rollup_marks.sql``.
BEFORE = (SQL / "rollup_marks.sql").read_text()
UNDO = """
DROP TRIGGER rollup_mark_change ON production_unitconversion;
DROP TRIGGER rollup_mark_insert ON production_countassertion;
DROP FUNCTION production_rollup_mark_hands();
"""


def _before(sort: str) -> str:
    start = BEFORE.index(f"CREATE FUNCTION production_rollup_mark_{sort}()")
    end = BEFORE.index("END $$;", start) + len("END $$;\n")
    return BEFORE[start:end].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")


class Migration(migrations.Migration):
    dependencies = [("production", "0016_scrap_reasons_rework_and_units")]

    operations = [
        migrations.AddField(
            model_name="rollupmark",
            name="times_only",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="Only what the time counts as has changed; pieces are counted as before.",
            ),
        ),
        migrations.RunSQL(
            [(SQL / "rollup_marks_of_times.sql").read_text()],
            [UNDO, _before("rows"), _before("reasons")],
        ),
    ]
