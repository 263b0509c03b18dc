-- Called by traceability.selectors.trace. All lots that went into the given one (backward) or that it went into
-- (forward), breadth first: every lot is visited once, so a cycle ends the walk instead of repeating it, and paths are
-- never enumerated. One row per edge, with the distance of its farther end; at most %(depth)s steps, and no new step
-- once %(limit)s lots are reached. Needs lot_movement_by_lot and lot_movement_by_order.
WITH RECURSIVE walk (depth, frontier, seen) AS (
    SELECT 0, ARRAY[%(lot_id)s::bigint], ARRAY[%(lot_id)s::bigint]
    UNION ALL
    SELECT walk.depth + 1, step.lots, walk.seen || step.lots
    FROM walk
    CROSS JOIN LATERAL (
        SELECT ARRAY(
            SELECT edge.{far} FROM unnest(walk.frontier) AS at (lot_id) JOIN traceability_lotedge_any edge ON edge.{near} = at.lot_id
            EXCEPT
            SELECT unnest(walk.seen)
        ) AS lots
    ) AS step
    WHERE walk.depth < %(depth)s AND cardinality(walk.frontier) > 0 AND cardinality(walk.seen) < %(limit)s
)
SELECT edge.from_lot_id, edge.to_lot_id, edge.job_order_id, min(walk.depth) + 1, bool_and(edge.told)
FROM walk
CROSS JOIN LATERAL unnest(walk.frontier) AS at (lot_id)
JOIN traceability_lotedge_any edge ON edge.{near} = at.lot_id
WHERE walk.depth < %(depth)s
GROUP BY edge.from_lot_id, edge.to_lot_id, edge.job_order_id
ORDER BY min(walk.depth), edge.from_lot_id, edge.to_lot_id, edge.job_order_id;
