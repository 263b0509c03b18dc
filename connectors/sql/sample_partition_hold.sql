-- Called by migration connectors.0005; the function by connectors.services.compaction before it reads a day. Runs as
-- the owner: the application may not hold a table it cannot change.
CREATE FUNCTION connectors_sample_partition_hold(day date) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    child text := 'connectors_signalsample_' || to_char(day, 'YYYYMMDD');
BEGIN
    IF day >= (now() AT TIME ZONE 'UTC')::date - 2 THEN
        RAISE EXCEPTION 'day % is not over for long enough to be packed', day USING ERRCODE = '22008';
    END IF;
    IF to_regclass('public.' || child) IS NULL THEN
        RETURN false;
    END IF;
    -- Writers wait until the day is packed, readers do not
    EXECUTE format('LOCK TABLE public.%I IN SHARE ROW EXCLUSIVE MODE', child);
    RETURN true;
END $$;
