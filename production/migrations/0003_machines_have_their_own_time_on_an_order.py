"""What a line's events say of an order is stored for each of its machines; ``rebuild`` moves it by transit."""

from __future__ import annotations

from django.db import migrations

FROM_LINES = """
INSERT INTO production_orderspan (equipment_id, order_code, start_time, end_time, source)
SELECT DISTINCT ON (machine.id, span.start_time, span.order_code)
       machine.id, span.order_code, span.start_time, span.end_time, 'events'
FROM production_orderspan span
JOIN plant_equipment line ON line.id = span.equipment_id AND line.level = 'line'
JOIN plant_equipment machine ON machine.parent_id = line.id AND machine.level = 'work_unit'
ORDER BY machine.id, span.start_time, span.order_code, span.source
ON CONFLICT DO NOTHING
"""
TAKEN_BACK = """
DELETE FROM production_orderspan span USING plant_equipment machine
WHERE machine.id = span.equipment_id AND machine.level = 'work_unit' AND span.source = 'events'
"""


class Migration(migrations.Migration):
    dependencies = [("production", "0002_constraints")]
    operations = [migrations.RunSQL(FROM_LINES, TAKEN_BACK)]
