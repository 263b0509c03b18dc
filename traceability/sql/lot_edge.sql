-- Called by migration traceability.0002. What an order used went into what it made: one row per pair of movements.
-- A used lot with a window was in use in it; without one, from its scan until the next lot of the same material is
-- scanned at the same machine in the order. A made lot with a window takes only lots in use inside it, widened
-- backwards by the longest stay of a piece on a line, so that a recall never misses one. Needs lot_movement_by_lot and lot_movement_by_order.
CREATE VIEW traceability_lotedge AS
SELECT used.lot_id AS from_lot_id,
       made.lot_id AS to_lot_id,
       used.job_order_id,
       used.id AS used_id,
       made.id AS made_id
FROM traceability_lotmovement used
JOIN traceability_lotmovement made ON made.job_order_id = used.job_order_id AND made.kind = 'produced'
WHERE used.kind = 'consumed'
  AND (used.operation = '' OR made.operation = '' OR used.operation = made.operation)
  AND (
      made.window_start IS NULL
      OR (
          coalesce(used.window_start, used.at) < made.at
          AND (used.window_start IS NULL OR used.at > made.window_start - interval '15 minutes')
          AND (used.window_start IS NOT NULL OR NOT EXISTS (
              SELECT 1
              FROM traceability_lotmovement later
              JOIN traceability_materiallot later_lot ON later_lot.id = later.lot_id
              JOIN traceability_materiallot used_lot ON used_lot.id = used.lot_id
              WHERE later.job_order_id = used.job_order_id
                AND later.kind = 'consumed'
                AND later.at > used.at
                AND later.at <= made.window_start - interval '15 minutes'
                AND later.equipment_id IS NOT DISTINCT FROM used.equipment_id
                AND later.lot_id <> used.lot_id
                AND later_lot.material_id = used_lot.material_id
          ))
      )
  );
