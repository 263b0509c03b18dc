from __future__ import annotations

from django.db import migrations

MARK = """
UPDATE plant_equipment SET counts_by_hand = true
WHERE level = 'work_unit' AND id IN (SELECT equipment_id FROM production_countassertion)
"""


class Migration(migrations.Migration):
    """Counts entered before were entered at machines too."""

    dependencies = [
        ("plant", "0009_machines_people_count_at"),
        ("production", "0016_scrap_reasons_rework_and_units"),
    ]

    operations = [migrations.RunSQL(MARK, migrations.RunSQL.noop)]
