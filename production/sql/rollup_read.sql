-- Called by production.selectors.rollups. A function, so that its plan is made once per session and not per question;
-- needs rollup_window_once, rollup_time_once and rollup_output_once. Rows by kind and place asked about:
--   window  flag: closed windows make up the whole of it, nothing is marked in them, no sample waits to be folded
--   time    number: microseconds of class `name`; flag: of an order
--   output  pieces of product `number`, flag: of an order, laid on the pacing machine's time with the same order;
--           seg: between which ideal rates that lies; the first where it never worked on it
--   failed  number: breakdowns that began in it
CREATE OR REPLACE FUNCTION production_rollup_read(
    places int[], lines bigint[], units bigint[], sinces timestamptz[], untils timestamptz[], pacing bool[],
    leaving bool[], cut_places int[], cut_times timestamptz[]
) RETURNS TABLE (
    kind text, place int, seg bigint, number bigint, name text, flag boolean, good numeric, total numeric, scrap numeric
) LANGUAGE plpgsql STABLE ROWS 200 AS $$
#variable_conflict use_column
BEGIN
RETURN QUERY
WITH asked AS MATERIALIZED (
    SELECT * FROM unnest(places, lines, units, sinces, untils, pacing, leaving)
        AS asked (place, line, unit, since, until, paces, leaves)
), parts AS MATERIALIZED (
    -- Between two rates each: windows are cut there, so that each lies in one of them.
    SELECT asked.place, unit, paces, leaves, row_number() OVER part - 1 AS seg, at AS since,
           lead(at, 1, asked.until) OVER part AS until
    FROM asked CROSS JOIN LATERAL (
        SELECT asked.since AS at
        UNION ALL SELECT at FROM unnest(cut_places, cut_times) AS cuts (place, at) WHERE cuts.place = asked.place
    ) AS edge
    WINDOW part AS (PARTITION BY asked.place, unit ORDER BY at)
), worked AS (
    -- Where there is more than one: which of at most 62 the order was worked on in, one bit each.
    SELECT parts.place, order_code, bit_or(1::bigint << least(parts.seg, 62)::int) AS segs
    FROM parts JOIN production_rolluptime
      ON work_unit_id = unit AND start_time >= since AND start_time < until
    WHERE paces AND parts.place = ANY (cut_places) GROUP BY 1, 2
), counted AS (
    SELECT parts.place, order_code, parts.seg,
           sum(rolled.good) FILTER (WHERE leaves) AS good, sum(rolled.total) FILTER (WHERE paces) AS total,
           sum(rolled.scrap) FILTER (WHERE paces) AS scrap
    FROM parts JOIN production_rollupoutput rolled
      ON work_unit_id = unit AND start_time >= since AND start_time < until
    GROUP BY 1, 2, 3
), laid AS (
    SELECT counted.place, order_code, counted.good, counted.total, counted.scrap,
           CASE WHEN segs IS NULL THEN 0
                WHEN (segs >> counted.seg::int) & 1 = 1 THEN counted.seg
                ELSE (SELECT near FROM generate_series(0, 62) AS near WHERE (segs >> near) & 1 = 1
                      ORDER BY abs(near - counted.seg), near LIMIT 1) END AS seg
    FROM counted LEFT JOIN worked USING (place, order_code)
)
SELECT 'window', asked.place, NULL::bigint, NULL::bigint, NULL::text, bool_and(
    EXISTS (
        SELECT 1 FROM production_rollupwindow closed
        WHERE work_unit_id = unit AND start_time >= since AND start_time < until
        HAVING min(start_time) = since AND max(end_time) = until
           AND sum(end_time - start_time) = until - since AND min(counters) = max(counters)
           AND NOT bool_or(shared_instant AND start_time > since)
    )
    AND NOT EXISTS (
        SELECT 1 FROM production_rollupmark marked WHERE equipment_id IN (unit, line)
          AND (from_time IS NULL OR from_time <= until) AND (to_time IS NULL OR to_time >= since)
    )
    AND NOT EXISTS (SELECT 1 FROM connectors_dirtymark WHERE work_unit_id = unit AND from_time < until)
), NULL::numeric, NULL::numeric, NULL::numeric
FROM asked GROUP BY asked.place
UNION ALL
SELECT 'time', asked.place, NULL, sum(microseconds)::bigint, time_class::text, order_code <> '', NULL, NULL, NULL
FROM asked JOIN production_rolluptime
  ON work_unit_id = unit AND start_time >= since AND start_time < until
WHERE paces GROUP BY asked.place, time_class, order_code <> ''
UNION ALL
SELECT 'output', made.place, made.seg, made.product_id, NULL, made.of_order, sum(made.good), sum(made.total),
       sum(made.scrap)
FROM (
    -- By the key of each order: a join would read every order there ever was.
    SELECT laid.*, order_code <> '' AS of_order,
           (SELECT product_id FROM production_joborder WHERE code = laid.order_code) AS product_id
    FROM laid
) AS made
GROUP BY made.place, made.seg, made.product_id, made.of_order
UNION ALL
SELECT 'failed', told.place, NULL, count(DISTINCT told.start)::bigint, NULL, NULL::boolean, NULL, NULL, NULL
FROM (
    SELECT asked.place, since, unnest(string_to_array(failed, ','))::bigint AS start
    FROM asked JOIN production_rollupwindow closed
      ON work_unit_id = unit AND start_time >= since AND start_time < until AND failed <> ''
    WHERE paces
) AS told
WHERE told.start >= (extract(epoch FROM told.since) * 1000000)::bigint
GROUP BY told.place;
END $$;
