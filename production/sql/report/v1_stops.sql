-- Called by migration production.0006. One row per stop, with the reason in force as /api/v1/stops tells it: the entry
-- said last that reaches the stop; one without an end is about one stop alone (as v1_downtime). A stop with several reasons is told in parts by v1_downtime.
-- Before a later migration changes a column read here: drop this view and create it again in that migration.
CREATE VIEW report.v1_stops AS
SELECT s.id AS stop, CASE WHEN p.level = 'line' THEN p.code END::text AS line, e.code::text AS equipment,
       s.start_time, s.end_time, extract(epoch FROM s.end_time - s.start_time)::numeric AS seconds,
       s.base_class::text AS base_class, s.size::text AS size, s.fault_code::text AS fault_code,
       s.needs_reason, r.code::text AS reason, r.name_en::text AS reason_en, r.name_fr::text AS reason_fr,
       r.time_class::text AS time_class, d.code::text AS department,
       said.said_at, said.said_by_rule::text AS said_by_rule, said.comment
FROM production_stop s
JOIN plant_equipment e ON e.id = s.work_unit_id
LEFT JOIN plant_equipment p ON p.id = e.parent_id
LEFT JOIN LATERAL (
    SELECT a.reason_id, a.said_at, a.said_by_rule, a.comment FROM production_reasonassertion a
    WHERE a.equipment_id = s.work_unit_id AND a.reason_id IS NOT NULL
      AND a.start_time < coalesce(s.end_time, 'infinity')
      AND (a.end_time > s.start_time
           OR (a.end_time IS NULL AND a.start_time >= greatest(
               s.start_time - interval '60 seconds',
               (SELECT b.end_time FROM production_stop b
                WHERE b.work_unit_id = s.work_unit_id AND b.start_time < s.start_time
                ORDER BY b.start_time DESC LIMIT 1))))
      AND NOT EXISTS (SELECT FROM production_reasonassertion n WHERE n.supersedes_id = a.id)
    ORDER BY a.said_at DESC, a.id DESC LIMIT 1
) said ON true
LEFT JOIN plant_reason r ON r.id = said.reason_id
LEFT JOIN plant_department d ON d.id = r.department_id;
