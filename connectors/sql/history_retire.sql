-- Called by migration connectors.0008; the function by connectors.services.retaining, in the transaction that writes
-- down what is dropped. Runs as the owner: the application may not take facts away. Only what the row says goes, to
-- the last sample and seal; only values that drive no state, count or order; and nothing of the last four weeks.
CREATE FUNCTION connectors_history_retire(retired bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    told public.connectors_retiredhistory%ROWTYPE;
    there bigint;
    counted bigint;
    sealed text;
BEGIN
    SELECT * INTO STRICT told FROM public.connectors_retiredhistory WHERE id = retired;
    IF told.end_time > now() - interval '28 days' THEN
        RAISE EXCEPTION 'nothing of the last 28 days is dropped, read %', told.end_time USING ERRCODE = '22008';
    END IF;
    IF NOT EXISTS (
        SELECT 1 FROM public.connectors_signaldefinition AS signal
        WHERE signal.id = told.signal_id AND signal.role IN ('process_value', 'setpoint')
    ) THEN
        RAISE EXCEPTION 'signal % drives what is derived: it is kept', told.signal_id USING ERRCODE = '22000';
    END IF;
    WITH gone AS (
        DELETE FROM public.connectors_samplesegment AS segment
        WHERE segment.signal_id = told.signal_id
          AND segment.day >= (told.start_time AT TIME ZONE 'UTC')::date
          AND segment.day < (told.end_time AT TIME ZONE 'UTC')::date
        RETURNING segment.id, segment.count, segment.seal
    )
    SELECT count(*), coalesce(sum(gone.count), 0), encode(sha256(string_agg(gone.seal, ''::bytea ORDER BY gone.id)), 'hex')
    INTO there, counted, sealed FROM gone;
    IF there <> told.segments OR counted <> told.samples OR sealed IS DISTINCT FROM told.checksum THEN
        RAISE EXCEPTION 'signal %: % segments of % samples are there, % of % are said to be dropped',
            told.signal_id, there, counted, told.segments, told.samples USING ERRCODE = '22000';
    END IF;
    RETURN counted;
END $$;
