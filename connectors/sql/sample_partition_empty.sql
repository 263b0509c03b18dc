-- Called by migration connectors.0005; the function by connectors.services.compaction, in the transaction that adds
-- the segments. Runs as the owner: the application may not take rows away. A day is emptied only when every one of
-- its rows is counted in a segment of that day; its partition stays, so that late values still have a place.
CREATE FUNCTION connectors_sample_partition_empty(day date, before bigint, doubled bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '800ms' AS $$
DECLARE
    child text := 'connectors_signalsample_' || to_char(day, 'YYYYMMDD');
    rows_there bigint;
    packed bigint;
BEGIN
    IF day >= (now() AT TIME ZONE 'UTC')::date - 2 THEN
        RAISE EXCEPTION 'day % is not over for long enough to be packed', day USING ERRCODE = '22008';
    END IF;
    -- Shorter than deadlock_timeout: whoever waits for us is not the one that has to give way
    EXECUTE format('LOCK TABLE public.%I IN ACCESS EXCLUSIVE MODE', child);
    EXECUTE format('SELECT count(*) FROM public.%I', child) INTO rows_there;
    SELECT coalesce(sum(segment.count), 0) INTO packed
    FROM public.connectors_samplesegment AS segment WHERE segment.day = $1;
    IF rows_there <> packed - before + doubled THEN
        RAISE EXCEPTION 'day %: % rows, % of them packed', day, rows_there, packed - before + doubled
            USING ERRCODE = '22000';
    END IF;
    EXECUTE format('TRUNCATE public.%I', child);
    RETURN rows_there;
END $$;
