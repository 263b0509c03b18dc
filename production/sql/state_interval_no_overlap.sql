-- Called by migration production.0002. A machine is in one state at a time: a promise of the database, not of code.
-- Needs no contrib extension: int8range stands in for btree_gist. Checked row by row as intervals are written.
ALTER TABLE production_stateinterval
    ADD CONSTRAINT state_interval_no_overlap
    EXCLUDE USING gist (
        int8range(work_unit_id, work_unit_id, '[]') WITH &&,
        tstzrange(start_time, end_time) WITH &&
    );
