-- Called by migration production.0006. The reasons people choose from: one row per code of the tree.
-- Before a later migration changes a column read here: drop this view and create it again in that migration.
CREATE VIEW report.v1_reasons AS
SELECT r.code::text AS reason, p.code::text AS parent, r.name_en::text AS name_en, r.name_fr::text AS name_fr,
       c.code::text AS equipment_class, d.code::text AS department, r.time_class::text AS time_class,
       r.is_active, r.is_catch_all, r.valid_from, r.valid_to,
       extract(epoch FROM r.expected_duration)::numeric AS expected_seconds
FROM plant_reason r
LEFT JOIN plant_reason p ON p.id = r.parent_id
LEFT JOIN plant_equipmentclass c ON c.id = r.equipment_class_id
LEFT JOIN plant_department d ON d.id = r.department_id;
