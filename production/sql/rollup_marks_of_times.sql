-- Called by migration production 0017: states, stops and reasons change what time counts as, never who counted which
-- pieces. Windows marked by them alone are made again without counting. What people count is watched too.

CREATE OR REPLACE FUNCTION production_rollup_mark_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_rollupmark (equipment_id, from_time, to_time, times_only)
    SELECT changed.work_unit_id, min(changed.start_time),
           CASE WHEN bool_or(changed.end_time IS NULL) THEN NULL ELSE max(changed.end_time) END,
           TG_TABLE_NAME <> 'production_quantityactual'
    FROM changed JOIN production_rollupreach reach
      ON reach.work_unit_id = changed.work_unit_id AND changed.start_time < reach.watched_to
    GROUP BY changed.work_unit_id;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION production_rollup_mark_reasons() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_rollupmark (equipment_id, from_time, to_time, times_only)
    SELECT said.equipment_id, said.start_time,
           CASE WHEN said.end_time IS NOT NULL THEN said.end_time
                WHEN stop.start_time IS NULL THEN said.start_time + interval '60 seconds'
                ELSE stop.end_time END, true
    FROM (
        SELECT equipment_id, start_time, end_time FROM changed
        UNION ALL
        SELECT before.equipment_id, before.start_time, before.end_time
        FROM changed JOIN production_reasonassertion before ON before.id = changed.supersedes_id
    ) AS said
    LEFT JOIN LATERAL (
        SELECT start_time, end_time FROM production_stop
        WHERE work_unit_id = said.equipment_id AND start_time <= said.start_time + interval '60 seconds'
          AND (end_time IS NULL OR end_time > said.start_time)
        ORDER BY start_time LIMIT 1
    ) AS stop ON said.end_time IS NULL;
    RETURN NULL;
END $$;

CREATE FUNCTION production_rollup_mark_hands() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_rollupmark (equipment_id, from_time, to_time)
    SELECT said.equipment_id, said.start_time, coalesce(said.end_time, said.start_time) FROM (
        SELECT equipment_id, start_time, end_time FROM changed
        UNION ALL
        SELECT before.equipment_id, before.start_time, before.end_time
        FROM changed JOIN production_countassertion before ON before.id = changed.supersedes_id
    ) AS said;
    RETURN NULL;
END $$;

CREATE TRIGGER rollup_mark_insert AFTER INSERT ON production_countassertion REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION production_rollup_mark_hands();
CREATE TRIGGER rollup_mark_change AFTER INSERT OR UPDATE OR DELETE ON production_unitconversion
    FOR EACH STATEMENT EXECUTE FUNCTION production_rollup_mark_all();
