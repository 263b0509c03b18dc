-- Called by connectors/selectors/edges.py for signals without a sample in the days next to an instant; served by the
-- primary key of each day's partition. A function, so that a read of a few days is not planned for every day kept.
CREATE FUNCTION connectors_sample_before(wanted bigint, at timestamptz)
RETURNS SETOF connectors_signalsample LANGUAGE plpgsql STABLE STRICT ROWS 1 AS $$
BEGIN
    RETURN QUERY SELECT * FROM connectors_signalsample WHERE signal_id = wanted AND source_time < at
    ORDER BY source_time DESC, server_time DESC NULLS LAST, source_key DESC LIMIT 1;
END $$;
