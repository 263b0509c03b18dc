-- Called by migration connectors.0002; the function by connectors.services.partitions before a day's first sample.
-- Runs as the owner: the application may not create tables. ATTACH takes SHARE UPDATE EXCLUSIVE on the parent, so
-- readers and writers go on; CREATE TABLE … PARTITION OF would stop them all.
CREATE FUNCTION connectors_sample_partition_ensure(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    child text := 'connectors_signalsample_' || to_char(day, 'YYYYMMDD');
    opens timestamptz := day::timestamp AT TIME ZONE 'UTC';
    closes timestamptz := (day + 1)::timestamp AT TIME ZONE 'UTC';
BEGIN
    IF day < DATE '2000-01-01' OR day >= DATE '2200-01-01' THEN
        RAISE EXCEPTION 'no partition for %, expected a day from 2000 to 2199', day USING ERRCODE = '22008';
    END IF;
    PERFORM pg_advisory_xact_lock(7203, (day - DATE '2000-01-01')::integer);
    IF to_regclass('public.' || child) IS NOT NULL THEN
        RETURN false;
    END IF;
    EXECUTE format(
        'CREATE TABLE public.%I (LIKE public.connectors_signalsample INCLUDING DEFAULTS INCLUDING CONSTRAINTS, '
        'CHECK (source_time >= %L AND source_time < %L))', child, opens, closes);
    EXECUTE format(
        'ALTER TABLE public.connectors_signalsample ATTACH PARTITION public.%I FOR VALUES FROM (%L) TO (%L)',
        child, opens, closes);
    EXECUTE format('ALTER TABLE public.%I DROP CONSTRAINT %I', child, child || '_source_time_check');
    RETURN true;
END $$;
