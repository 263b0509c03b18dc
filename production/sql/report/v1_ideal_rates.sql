-- Called by migration production.0006. The fastest sustainable rate of a machine or line, from valid_from until the
-- next row of the same equipment and product; no product: any without a rate of its own.
-- Before a later migration changes a column read here: drop this view and create it again in that migration.
CREATE VIEW report.v1_ideal_rates AS
SELECT e.code::text AS equipment, m.code::text AS product, r.units_per_hour::numeric AS units_per_hour, r.valid_from
FROM production_idealrate r
JOIN plant_equipment e ON e.id = r.equipment_id
LEFT JOIN plant_materialdefinition m ON m.id = r.product_id;
