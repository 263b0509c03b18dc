-- Called by migration connectors.0008; the function by connectors.services.partitions after days were packed. Runs as
-- the owner. An empty partition of an old day costs every statement that names no earliest day its part of planning;
-- a late value makes it again. Waits less than a page would notice, or not at all this time.
CREATE FUNCTION connectors_sample_partition_drop(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '300ms' AS $$
DECLARE
    child text := 'connectors_signalsample_' || to_char(day, 'YYYYMMDD');
    is_used boolean;
BEGIN
    IF day >= (now() AT TIME ZONE 'UTC')::date - 2 THEN
        RAISE EXCEPTION 'day % is not over for long enough to be dropped', day USING ERRCODE = '22008';
    END IF;
    -- The order of partition_ensure: who makes this day's partition now is waited for
    PERFORM pg_advisory_xact_lock(7203, (day - DATE '2000-01-01')::integer);
    LOCK TABLE public.connectors_signalsample IN ACCESS EXCLUSIVE MODE;
    IF to_regclass('public.' || child) IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM public.%I)', child) INTO is_used;
    IF is_used THEN
        RETURN false;
    END IF;
    EXECUTE format('DROP TABLE public.%I', child);
    RETURN true;
END $$;
