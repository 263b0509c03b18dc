-- Called by migration production.0006. Stops cut where their reason changes: one row per part with one reason or none.
-- The parts of a stop are exactly the stop. Where entries overlap, the one said later holds; one without an end lasts
-- as long as the stop it was said about, found up to 60 s after its start (production/domain/account.py, NEAR).
-- Narrow long ranges by stop_start_time, which an index serves.
-- Before a later migration changes a column read here: drop this view and create it again in that migration.
CREATE VIEW report.v1_downtime AS
SELECT s.id AS stop, CASE WHEN p.level = 'line' THEN p.code END::text AS line, e.code::text AS equipment,
       s.start_time AS stop_start_time, part.start_time,
       nullif(part.end_time, 'infinity'::timestamptz) AS end_time,
       extract(epoch FROM least(part.end_time, greatest(known.horizon, part.start_time)) - part.start_time)::numeric
           AS seconds,
       s.base_class::text AS base_class, s.size::text AS size, s.fault_code::text AS fault_code,
       r.code::text AS reason, r.name_en::text AS reason_en, r.name_fr::text AS reason_fr,
       r.time_class::text AS time_class, d.code::text AS department
FROM production_stop s
JOIN plant_equipment e ON e.id = s.work_unit_id
LEFT JOIN plant_equipment p ON p.id = e.parent_id
LEFT JOIN LATERAL (
    -- What is known of an open stop ends with what is known of its machine.
    SELECT coalesce(s.end_time, c.horizon) AS horizon FROM (SELECT) one
    LEFT JOIN production_stitchcheckpoint c ON c.work_unit_id = s.work_unit_id
) known ON true
CROSS JOIN LATERAL (
    SELECT array_agg(a.reason_id ORDER BY a.said_at, a.id) AS reasons,
           array_agg(greatest(a.start_time, s.start_time) ORDER BY a.said_at, a.id) AS starts,
           array_agg(least(coalesce(a.end_time, 'infinity'), coalesce(s.end_time, 'infinity'))
                     ORDER BY a.said_at, a.id) AS ends
    FROM production_reasonassertion a
    WHERE a.equipment_id = s.work_unit_id AND a.reason_id IS NOT NULL
      AND a.start_time < coalesce(s.end_time, 'infinity')
      AND (a.end_time > s.start_time
           OR (a.end_time IS NULL AND a.start_time >= s.start_time - interval '60 seconds'
               AND NOT EXISTS (
                   SELECT FROM production_stop b WHERE b.work_unit_id = s.work_unit_id
                   AND b.start_time < s.start_time AND b.end_time > a.start_time)))
      AND NOT EXISTS (SELECT FROM production_reasonassertion n WHERE n.supersedes_id = a.id)
) said
CROSS JOIN LATERAL (
    SELECT at AS start_time, lead(at, 1, coalesce(s.end_time, 'infinity')) OVER (ORDER BY at) AS end_time
    FROM (
        SELECT s.start_time AS at
        UNION SELECT unnest(said.starts)
        UNION SELECT unnest(said.ends)
    ) cuts
    WHERE at < coalesce(s.end_time, 'infinity')
) part
LEFT JOIN LATERAL (
    SELECT one.reason_id FROM unnest(said.reasons, said.starts, said.ends)
        WITH ORDINALITY AS one(reason_id, start_time, end_time, place)
    WHERE one.start_time <= part.start_time AND one.end_time > part.start_time
    ORDER BY one.place DESC LIMIT 1
) holds ON true
LEFT JOIN plant_reason r ON r.id = holds.reason_id
LEFT JOIN plant_department d ON d.id = r.department_id;
