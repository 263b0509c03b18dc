-- Called by migration connectors.0002. Samples by day of source time; no DEFAULT partition, no foreign key to it.
-- The primary key is the source key of docs/data-path.md and serves every range read (signal, time).
CREATE TABLE connectors_signalsample (
    signal_id bigint NOT NULL,
    source_time timestamptz NOT NULL,
    source_key bigint NOT NULL,
    server_time timestamptz,
    arrival_time timestamptz NOT NULL,
    status_code bigint,
    v_int numeric(20, 0),
    v_float double precision,
    equipment_id bigint NOT NULL,
    site_id bigint NOT NULL,
    quality smallint NOT NULL,
    historical boolean NOT NULL,
    v_bool boolean,
    v_text text,
    CONSTRAINT signal_sample_once PRIMARY KEY (signal_id, source_time, source_key)
) PARTITION BY RANGE (source_time);
