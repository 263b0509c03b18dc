-- Called by migration production: closed windows are marked, in the transaction that changes what they are made from.
-- Rows of a machine are written under its stitching lock, as is how far changes are watched: what a stitch adds in the
-- open is not marked. Orders, reasons and configuration are written without that lock and so are always marked.

CREATE FUNCTION production_rollup_mark_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_rollupmark (equipment_id, from_time, to_time)
    SELECT changed.work_unit_id, min(changed.start_time),
           CASE WHEN bool_or(changed.end_time IS NULL) THEN NULL ELSE max(changed.end_time) END
    FROM changed JOIN production_rollupreach reach
      ON reach.work_unit_id = changed.work_unit_id AND changed.start_time < reach.watched_to
    GROUP BY changed.work_unit_id;
    RETURN NULL;
END $$;

-- Samples taken by a stitch may move pieces between two orders without changing any row: a bucket on is touched too.
CREATE FUNCTION production_rollup_mark_samples() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_rollupmark (equipment_id, from_time, to_time)
    SELECT changed.work_unit_id, min(changed.from_time), max(changed.to_time) + interval '5 minutes'
    FROM changed JOIN production_rollupreach reach
      ON reach.work_unit_id = changed.work_unit_id AND changed.from_time < reach.watched_to
    GROUP BY changed.work_unit_id;
    RETURN NULL;
END $$;

-- The first or last span one source tells of a machine decides for all time who tells its orders.
CREATE FUNCTION production_rollup_mark_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_rollupmark (equipment_id, from_time, to_time)
    SELECT found.equipment_id,
           CASE WHEN found.decides THEN NULL ELSE found.from_time END,
           CASE WHEN found.decides OR found.goes_on THEN NULL ELSE found.to_time END
    FROM (
        SELECT told.*, (
            SELECT count(*) FROM (
                SELECT 1 FROM production_orderspan held
                WHERE held.equipment_id = told.equipment_id AND held.source = told.source
                LIMIT told.rows + 1
            ) AS held_by
        ) <= told.rows AS decides
        FROM (
            SELECT equipment_id, source, count(*) AS rows, min(start_time) AS from_time,
                   max(end_time) AS to_time, bool_or(end_time IS NULL) AS goes_on
            FROM changed GROUP BY equipment_id, source
        ) AS told
    ) AS found;
    RETURN NULL;
END $$;

CREATE FUNCTION production_rollup_mark_reasons() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_rollupmark (equipment_id, from_time, to_time)
    SELECT said.equipment_id, said.start_time,
           CASE WHEN said.end_time IS NOT NULL THEN said.end_time
                WHEN stop.start_time IS NULL THEN said.start_time + interval '60 seconds'
                ELSE stop.end_time END
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

-- A stop that reaches the changed time asks for a reason, or not, wherever it lies.
CREATE FUNCTION production_rollup_mark_calendar() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_rollupmark (equipment_id, from_time, to_time)
    SELECT line.line_id,
           CASE WHEN line.is_left THEN least(line.from_time, stop.from_time) END,
           CASE WHEN line.is_left AND NOT coalesce(stop.goes_on, false) THEN greatest(line.to_time, stop.to_time) END
    FROM (
        SELECT line_id, min(start_time) AS from_time, max(end_time) AS to_time,
               EXISTS (SELECT 1 FROM plant_calendarslot held WHERE held.line_id = changed.line_id) AS is_left
        FROM changed GROUP BY line_id
    ) AS line
    LEFT JOIN LATERAL (
        SELECT min(found.start_time) AS from_time, max(found.end_time) AS to_time,
               bool_or(found.end_time IS NULL) AS goes_on
        FROM plant_equipment unit JOIN production_stop found ON found.work_unit_id = unit.id
        WHERE unit.parent_id = line.line_id AND found.start_time < line.to_time
          AND (found.end_time IS NULL OR found.end_time > line.from_time)
    ) AS stop ON true;
    RETURN NULL;
END $$;

-- Windows of a line's machines are cut where the rate of any of them begins.
CREATE FUNCTION production_rollup_mark_rates() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_rollupmark (equipment_id)
    SELECT DISTINCT beside.id FROM changed
    JOIN plant_equipment machine ON machine.id = changed.equipment_id
    JOIN plant_equipment beside ON beside.parent_id = machine.parent_id OR beside.id = machine.id
    JOIN production_rollupreach reach ON reach.work_unit_id = beside.id;
    RETURN NULL;
END $$;

-- Counters of a machine: all its time.
CREATE FUNCTION production_rollup_mark_machine() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_rollupmark (equipment_id)
    SELECT DISTINCT changed.equipment_id FROM changed
    JOIN production_rollupreach reach ON reach.work_unit_id = changed.equipment_id;
    RETURN NULL;
END $$;

-- So are its limits.
CREATE FUNCTION production_rollup_mark_limits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_rollupmark (equipment_id)
    SELECT after.id FROM after JOIN before ON before.id = after.id
    JOIN production_rollupreach reach ON reach.work_unit_id = after.id
    WHERE (before.minimum_stop, before.registered_stop, before.parent_id, before.equipment_class_id)
       IS DISTINCT FROM (after.minimum_stop, after.registered_stop, after.parent_id, after.equipment_class_id);
    RETURN NULL;
END $$;

-- What a state or a mode means: every machine.
CREATE FUNCTION production_rollup_mark_all() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_rollupmark (equipment_id) SELECT work_unit_id FROM production_rollupreach;
    RETURN NULL;
END $$;

CREATE FUNCTION production_rollup_mark_reason() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_rollupmark (equipment_id)
    SELECT DISTINCT said.equipment_id FROM after JOIN before ON before.id = after.id
    JOIN production_reasonassertion said ON said.reason_id = after.id
    WHERE (before.code, before.time_class) IS DISTINCT FROM (after.code, after.time_class);
    RETURN NULL;
END $$;

DO $$
DECLARE
    place record;
BEGIN
    FOR place IN SELECT * FROM (VALUES
        ('production_stateinterval', 'rows', 'INSERT UPDATE DELETE'),
        ('production_stop', 'rows', 'INSERT UPDATE DELETE'),
        ('production_quantityactual', 'rows', 'INSERT UPDATE DELETE'),
        ('connectors_dirtymark', 'samples', 'DELETE'),
        ('production_orderspan', 'orders', 'INSERT UPDATE DELETE'),
        ('production_reasonassertion', 'reasons', 'INSERT'),
        ('plant_calendarslot', 'calendar', 'INSERT UPDATE DELETE'),
        ('production_idealrate', 'rates', 'INSERT UPDATE DELETE'),
        ('connectors_signaldefinition', 'machine', 'INSERT DELETE'),
        ('plant_equipmentclass', 'all', 'UPDATE'),
        ('plant_timemodel', 'all', 'INSERT UPDATE DELETE')
    ) AS wanted (watched, sort, events) LOOP
        IF strpos(place.events, 'INSERT') > 0 THEN
            EXECUTE format('CREATE TRIGGER rollup_mark_insert AFTER INSERT ON %s REFERENCING NEW TABLE AS changed '
                'FOR EACH STATEMENT EXECUTE FUNCTION production_rollup_mark_%s()', place.watched, place.sort);
        END IF;
        IF strpos(place.events, 'DELETE') > 0 THEN
            EXECUTE format('CREATE TRIGGER rollup_mark_delete AFTER DELETE ON %s REFERENCING OLD TABLE AS changed '
                'FOR EACH STATEMENT EXECUTE FUNCTION production_rollup_mark_%s()', place.watched, place.sort);
        END IF;
        IF strpos(place.events, 'UPDATE') > 0 THEN
            -- Where it was and where it is now.
            EXECUTE format('CREATE TRIGGER rollup_mark_update_from AFTER UPDATE ON %s REFERENCING OLD TABLE AS changed '
                'FOR EACH STATEMENT EXECUTE FUNCTION production_rollup_mark_%s()', place.watched, place.sort);
            EXECUTE format('CREATE TRIGGER rollup_mark_update_to AFTER UPDATE ON %s REFERENCING NEW TABLE AS changed '
                'FOR EACH STATEMENT EXECUTE FUNCTION production_rollup_mark_%s()', place.watched, place.sort);
        END IF;
    END LOOP;
END $$;

CREATE FUNCTION production_rollup_mark_counters() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO production_rollupmark (equipment_id)
    SELECT touched.equipment_id FROM before JOIN after ON after.id = before.id
    CROSS JOIN LATERAL (VALUES (before.equipment_id), (after.equipment_id)) AS touched (equipment_id)
    JOIN production_rollupreach reach ON reach.work_unit_id = touched.equipment_id
    WHERE (before.equipment_id, before.role, before.counter_modulus, before.maximum_rate, before.total_includes_scrap)
       IS DISTINCT FROM
          (after.equipment_id, after.role, after.counter_modulus, after.maximum_rate, after.total_includes_scrap);
    RETURN NULL;
END $$;

CREATE TRIGGER rollup_mark_update AFTER UPDATE ON connectors_signaldefinition
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION production_rollup_mark_counters();
CREATE TRIGGER rollup_mark_update AFTER UPDATE ON plant_equipment
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION production_rollup_mark_limits();
CREATE TRIGGER rollup_mark_update AFTER UPDATE ON plant_reason
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION production_rollup_mark_reason();
