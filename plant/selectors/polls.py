"""What the answer to a signed-in reader's poll of a line follows from, in one question."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.db import connection

from plant.models import Equipment
from plant.selectors.configuration import revision_text

# The account's row and which transaction wrote it: one that was changed and changed back is another.
READ = """
SELECT session.session_data, account.xmin::text || md5(account::text), configured.value,
       line.id, line.path, changed.value
FROM django_session AS session
JOIN plant_user AS account ON account.id = %(user)s
JOIN plant_equipment AS line ON line.code = %(line)s AND line.level = %(level)s
CROSS JOIN plant_configurationrevision AS configured
LEFT JOIN plant_revision AS changed ON changed.line_id = line.id
WHERE session.session_key = %(session)s AND session.expire_date > now()
"""


class Polled(NamedTuple):
    """``reader``: who asks and what they may do follow from it: the session, the account and the master data,
    persons and roles among them. ``line_id`` and ``path`` of the line, and its ``revision``.
    """

    reader: tuple[str, ...]
    line_id: int
    path: str
    revision: str


def poll_read(*, session_key: str, user_id: int, line_code: str) -> Polled | None:
    """None without such a session, account or line."""
    asked: dict[str, Any] = {
        "session": session_key,
        "user": user_id,
        "line": line_code,
        "level": Equipment.Level.LINE.value,
    }
    with connection.cursor() as cursor:
        cursor.execute(READ, asked)
        row = cursor.fetchone()
    if row is None:
        return None
    session, account, configured, line_id, path, changed = row
    return Polled((session, account, str(configured)), line_id, path, revision_text(changed, configured))
