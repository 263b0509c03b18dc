-- Called by migration connectors.0002.
CREATE TRIGGER signal_revised_insert AFTER INSERT ON connectors_signaldefinition
REFERENCING NEW TABLE AS changed
FOR EACH STATEMENT EXECUTE FUNCTION connectors_signal_revised();
