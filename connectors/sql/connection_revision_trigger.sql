-- Called by migration connectors.0002.
CREATE TRIGGER connection_revised BEFORE UPDATE ON connectors_connection
FOR EACH ROW EXECUTE FUNCTION connectors_connection_revised();
