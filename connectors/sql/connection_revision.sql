-- Called by migration connectors.0002. A connection's own change raises its revision, whoever makes it (form, admin,
-- plant file, SQL): runners reload on it.
CREATE FUNCTION connectors_connection_revised() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.protocol, NEW.config, NEW.state_map, NEW.enabled, NEW.site_id)
        IS DISTINCT FROM (OLD.protocol, OLD.config, OLD.state_map, OLD.enabled, OLD.site_id)
    THEN
        NEW.revision := OLD.revision + 1;
    END IF;
    RETURN NEW;
END $$;
