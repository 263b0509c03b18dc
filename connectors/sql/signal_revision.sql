-- Called by migration connectors.0002. A signal's change raises its connection's revision, once per statement.
CREATE FUNCTION connectors_signal_revised() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE connectors_connection SET revision = revision + 1
    WHERE id IN (SELECT connection_id FROM changed);
    RETURN NULL;
END $$;
