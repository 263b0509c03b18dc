-- Called by migration production.0021: v1_quantities with the unit of its numbers, a column at the end.
-- Quantities by machine counter, in its own ``unit`` (empty: pieces), in steps of at most five minutes.
-- A row with a flag is one odd step of the counter (reset, rollover, gap, implausible, backwards).
-- Pieces of an implausible step, faster than the machine can be, are ``unverified`` and part of no ``quantity``.
-- Before a later migration changes a column read here: drop this view and create it again in that migration.
CREATE OR REPLACE VIEW report.v1_quantities AS
SELECT CASE WHEN p.level = 'line' THEN p.code END::text AS line, e.code::text AS equipment,
       q.start_time, q.end_time, q.kind::text AS kind,
       CASE WHEN q.flag = 'implausible' THEN 0 ELSE q.quantity END::numeric AS quantity, q.flag::text AS flag,
       g.address::text AS signal,
       CASE WHEN q.flag = 'implausible' THEN q.quantity ELSE 0 END::numeric AS unverified,
       g.unit::text AS unit
FROM production_quantityactual q
JOIN plant_equipment e ON e.id = q.work_unit_id
JOIN connectors_signaldefinition g ON g.id = q.signal_id
LEFT JOIN plant_equipment p ON p.id = e.parent_id;
