"""Having the database tell when master data change, so that what is kept of them is never stale."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.db import connection

from plant.models.base import Configuration

# Tables not yet made, and those that tell already, are left alone; nothing to do before plant.0003.
SILENT = """
SELECT quote_ident(relname) FROM pg_class
WHERE relname = ANY (%s) AND relnamespace = 'public'::regnamespace
  AND to_regproc('plant_configuration_revised') IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM pg_trigger WHERE tgrelid = pg_class.oid AND tgname = 'configuration_revised')
"""
WATCH = """
CREATE TRIGGER configuration_revised BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION plant_configuration_revised()
"""


def configuration_watch(**_: Any) -> None:
    """After migrations: every table of master data renews ``ConfigurationRevision`` when it changes."""
    with connection.cursor() as cursor:
        cursor.execute(SILENT, [master_data_tables()])
        for (table,) in cursor.fetchall():
            cursor.execute(WATCH.format(table=table))


def master_data_tables() -> list[str]:
    """Tables of configuration that does not change with the day's work."""
    return sorted(
        model._meta.db_table
        for model in apps.get_models()
        if issubclass(model, Configuration) and model.is_master_data
    )
