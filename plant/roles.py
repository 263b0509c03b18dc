"""What the database roles may do: the application all but change or delete what was said or received, reports
nothing but read the views of schema ``report``.
"""

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

REPORT_SCHEMA, REPORT_ROLE = "report", "report_ro"
REPORT_ROLE_MAKE = f"""
DO $$ BEGIN CREATE ROLE {REPORT_ROLE} NOLOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$
"""
DEFINERS = """
SELECT oid::regprocedure::text FROM pg_proc
WHERE prosecdef AND pronamespace = 'public'::regnamespace AND proowner = current_user::regrole ORDER BY 1
"""
REPORT_STANDS = """
SELECT has_schema_privilege(n.oid, 'CREATE'),
       (SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user),
       EXISTS (SELECT FROM pg_roles WHERE rolname = %s)
FROM (SELECT to_regnamespace(%s) AS oid) n
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
        for function in _functions_of_owner(cursor):
            cursor.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {quoted}")
        cursor.execute(WITH_PARTITIONS, [append_only_tables()])
        for (table,) in cursor.fetchall():
            cursor.execute(f"REVOKE UPDATE, DELETE, TRUNCATE ON {table} FROM {quoted}")


def report_role_apply(**_: Any) -> None:
    """After migrations: the role of reports reads the views of its schema, and that is all.

    Where it is missing and the owner may make no roles, nothing happens here, and the next migration after
    it was made gives it its rights (docs/how-to/data-out.md).
    """
    with connection.cursor() as cursor:
        cursor.execute(REPORT_STANDS, [REPORT_ROLE, REPORT_SCHEMA])
        owns, may_make_roles, exists = cursor.fetchone()
        if not owns or not (exists or may_make_roles):
            return
        if not exists:
            # Another database of this server may make it at the same moment.
            cursor.execute(REPORT_ROLE_MAKE)
        # A function that runs as the owner would let its caller write; by default everybody may call it.
        for function in _functions_of_owner(cursor):
            cursor.execute(f"REVOKE EXECUTE ON FUNCTION {function} FROM PUBLIC")
        cursor.execute(f"GRANT USAGE ON SCHEMA {REPORT_SCHEMA} TO {REPORT_ROLE}")
        cursor.execute(f"GRANT SELECT ON ALL TABLES IN SCHEMA {REPORT_SCHEMA} TO {REPORT_ROLE}")


def _functions_of_owner(cursor: Any) -> list[str]:
    """Our functions that run with the owner's rights, whoever calls them."""
    cursor.execute(DEFINERS)
    return [function for (function,) in cursor.fetchall()]


def append_only_tables() -> list[str]:
    """Tables of facts and assertions."""
    return sorted(model._meta.db_table for model in apps.get_models() if getattr(model, "append_only", False))
