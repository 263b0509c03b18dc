-- Called by migration production.0006. One row per state of a machine, [start_time, end_time); no end while it lasts.
-- Before a later migration changes a column read here: drop this view and create it again in that migration.
CREATE VIEW report.v1_states AS
SELECT CASE WHEN p.level = 'line' THEN p.code END::text AS line, e.code::text AS equipment,
       s.start_time, s.end_time, extract(epoch FROM s.end_time - s.start_time)::numeric AS seconds,
       s.state::text AS state, s.mode::text AS mode, s.fault_code::text AS fault_code, s.cause::text AS cause
FROM production_stateinterval s
JOIN plant_equipment e ON e.id = s.work_unit_id
LEFT JOIN plant_equipment p ON p.id = e.parent_id;
