-- Called by migration production.0006. Shifts of a line, and the breaks, meetings and maintenance planned in them.
-- Before a later migration changes a column read here: drop this view and create it again in that migration.
CREATE VIEW report.v1_calendar AS
SELECT l.code::text AS line, s.kind::text AS kind, s.code::text AS slot, s.production_day, s.start_time, s.end_time,
       extract(epoch FROM s.end_time - s.start_time)::numeric AS seconds
FROM plant_calendarslot s
JOIN plant_equipment l ON l.id = s.line_id;
