-- Called by migration connectors.0002.
CREATE TRIGGER signal_revised_delete AFTER DELETE ON connectors_signaldefinition
REFERENCING OLD TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION connectors_signal_revised();
