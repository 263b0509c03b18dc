"""What the application's database role may do: all but change or delete what was said or received."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.db import connection

# A partition has rights of its own, so it is named beside its parent.
WITH_PARTITIONS = """
WITH RECURSIVE kept AS (
    SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relname = ANY (%s)
    UNION SELECT inhrelid FROM pg_inherits JOIN kept ON inhparent = kept.oid
)
SELECT oid::regclass::text FROM kept ORDER BY 1
"""


def grants_apply(**_: Any) -> None:
    """After migrations: grant the application role its rights. Nothing to do when it is the owner itself."""
    role = settings.APPLICATION_ROLE
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, EXISTS (SELECT 1 FROM pg_roles WHERE rolname = %s)", [role])
        current, exists = cursor.fetchone()
        if current == role or not exists:
            return
        quoted = connection.ops.quote_name(role)
        cursor.execute(f"GRANT USAGE ON SCHEMA public TO {quoted}")
        cursor.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {quoted}")
        cursor.execute(f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {quoted}")
        cursor.execute(WITH_PARTITIONS, [append_only_tables()])
        for (table,) in cursor.fetchall():
            cursor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {quoted}")


def append_only_tables() -> list[str]:
    """Tables of facts and assertions."""
    return sorted(model._meta.db_table for model in apps.get_models() if getattr(model, "append_only", False))
