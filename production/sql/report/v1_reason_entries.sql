-- Called by migration production.0006. Everything said about why a machine did not run, also what was corrected since.
-- "in_force" is false for an entry another one supersedes; no reason: an earlier entry was taken back. Who said it is
-- told only where a rule did: people are not ranked.
-- Before a later migration changes a column read here: drop this view and create it again in that migration.
CREATE VIEW report.v1_reason_entries AS
SELECT CASE WHEN p.level = 'line' THEN p.code END::text AS line, e.code::text AS equipment, a.start_time, a.end_time,
       r.code::text AS reason, a.said_at, a.said_by_rule::text AS said_by_rule, a.comment,
       NOT EXISTS (SELECT FROM production_reasonassertion n WHERE n.supersedes_id = a.id) AS in_force
FROM production_reasonassertion a
JOIN plant_equipment e ON e.id = a.equipment_id
LEFT JOIN plant_equipment p ON p.id = e.parent_id
LEFT JOIN plant_reason r ON r.id = a.reason_id;
