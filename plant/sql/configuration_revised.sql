-- Called by migration plant.0003; set on every table of master data by plant.services.revisions after migrations.
-- Before a statement, so that two writers queue here before they hold rows of each other.
CREATE FUNCTION plant_configuration_revised() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO plant_configurationrevision (id, value) VALUES (1, gen_random_uuid())
    ON CONFLICT (id) DO UPDATE SET value = excluded.value;
    RETURN NULL;
END $$;
