-- Called by migration production.0006. One row per place of the plant; "line" is empty above lines.
-- Before a later migration changes a column read here: drop this view and create it again in that migration.
CREATE VIEW report.v1_equipment AS
SELECT e.code::text AS equipment, e.level::text AS level, e.name_en::text AS name_en, e.name_fr::text AS name_fr,
       CASE WHEN e.level = 'line' THEN e.code WHEN p.level = 'line' THEN p.code END::text AS line,
       p.code::text AS parent, c.code::text AS equipment_class, e.path::text AS path,
       e.position::integer AS position, e.is_constraint AS is_constraint
FROM plant_equipment e
LEFT JOIN plant_equipment p ON p.id = e.parent_id
LEFT JOIN plant_equipmentclass c ON c.id = e.equipment_class_id;
