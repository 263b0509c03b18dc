-- Called by migration production.0020. v1_alarms with the machine's own words of each alarm: a column at the end.
-- Before a later migration changes a column read here: drop this view and create it again in that migration.
CREATE OR REPLACE VIEW report.v1_alarms AS
SELECT CASE WHEN p.level = 'line' THEN p.code END::text AS line, e.code::text AS equipment, a.code::text AS alarm,
       g.address::text AS signal, a.start_time, a.acknowledged_at, a.end_time,
       extract(epoch FROM a.end_time - a.start_time)::numeric AS seconds, a.text::text AS text
FROM production_alarminterval a
JOIN plant_equipment e ON e.id = a.work_unit_id
JOIN connectors_signaldefinition g ON g.id = a.signal_id
LEFT JOIN plant_equipment p ON p.id = e.parent_id;
