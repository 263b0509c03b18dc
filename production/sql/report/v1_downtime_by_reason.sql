-- Called by migration production.0006, after v1_downtime. Downtime by hour (UTC), machine and reason; no reason while
-- nobody said one. Parts that cross an hour are cut there, so hours add up to the downtime. "stops" counts a stop in
-- every hour it reaches: add seconds over hours, never stops (count those of v1_stops).
-- Before a later migration changes a column read here: drop this view and create it again in that migration.
CREATE VIEW report.v1_downtime_by_reason AS
SELECT hours.at AS hour, d.line, d.equipment, d.reason, d.reason_en, d.reason_fr, d.time_class, d.department,
       d.base_class, d.size,
       sum(extract(epoch FROM least(d.start_time + d.seconds * interval '1 second', hours.at + interval '1 hour')
                              - greatest(d.start_time, hours.at)))::numeric AS seconds,
       count(DISTINCT d.stop)::integer AS stops
FROM report.v1_downtime d
CROSS JOIN LATERAL generate_series(
    date_trunc('hour', d.start_time, 'UTC'),
    d.start_time + d.seconds * interval '1 second' - interval '1 microsecond', interval '1 hour'
) AS hours(at)
WHERE d.seconds > 0
GROUP BY hours.at, d.line, d.equipment, d.reason, d.reason_en, d.reason_fr, d.time_class, d.department,
         d.base_class, d.size;
