-- Called by migration production.0006. One row per production order, as it is planned now.
-- Before a later migration changes a column read here: drop this view and create it again in that migration.
CREATE VIEW report.v1_orders AS
SELECT o.code::text AS job_order, l.code::text AS line, m.code::text AS product, m.name_en::text AS product_en,
       m.name_fr::text AS product_fr, m.family::text AS product_family, o.quantity::numeric AS quantity,
       o.unit::text AS unit, o.state::text AS state, o.due_time, o.planned_start, o.planned_end, o.started_at,
       o.ended_at, o.sequence::integer AS sequence, o.priority::integer AS priority, o.version::integer AS version,
       o.external_id::text AS external_id, o.external_source::text AS external_source, o.created_at
FROM production_joborder o
JOIN plant_equipment l ON l.id = o.line_id
JOIN plant_materialdefinition m ON m.id = o.product_id;
