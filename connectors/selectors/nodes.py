"""Edge nodes and devices of a connection, as their connector last told of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection as database
from django.db.models import Count

from connectors.domain.notices import GRANTED
from connectors.domain.phrase import Phrase, phrase_read
from connectors.models.notice import SourceNotice

Kind = SourceNotice.Kind
COUNTED = timedelta(hours=24)
# The last word of each scope on whether it is there, and the last number it said.
_LAST = """
SELECT DISTINCT ON (scope) scope, id, kind, at, session, detail FROM connectors_sourcenotice
WHERE connection_id = %s AND kind = ANY(%s) ORDER BY scope, id DESC
"""
_SEQ = """
SELECT DISTINCT ON (scope) scope, seq, at FROM connectors_sourcenotice
WHERE connection_id = %s AND seq IS NOT NULL ORDER BY scope, id DESC
"""


@dataclass(slots=True)
class NodeRow:
    """``online`` None: never heard since the runner started. Counts are of the last 24 hours.

    ``seq`` is the last number when something was noted, at ``seq_at``; data since have others.
    """

    scope: str
    online: bool | None
    since: datetime
    session: int | None
    seq: int | None = None
    seq_at: datetime | None = None
    faults: int = 0
    asked: int = 0
    ignored: int = 0
    why: str = ""
    devices: list[NodeRow] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.scope.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Heard:
    """``host``: whether the connector itself listens, stands by or lost its broker; None = never told."""

    host: SourceNotice | None
    nodes: list[NodeRow]
    latest: list[SourceNotice]


def nodes_of(*, connection_id: int, now: datetime) -> Heard:
    """Nodes by name, each with its devices, and the latest 50 notices."""
    told = SourceNotice.objects.filter(connection_id=connection_id)
    ours = told.filter(scope="").order_by("-id")
    host = ours.filter(kind__in=[Kind.LISTENING, Kind.DEAF, Kind.STANDBY]).first()
    started = ours.filter(kind=Kind.STARTED).values_list("id", flat=True).first() or 0
    rows, ids = _rows(connection_id, started)
    _counted(rows, connection_id, now)
    nodes = [row for row in rows.values() if row.scope.count("/") == 1]
    for row in rows.values():
        node = rows.get(row.scope.rpartition("/")[0])
        if node is not None:
            node.devices.append(row)
            if not node.online or ids[row.scope] < ids[node.scope]:
                row.online, row.since = node.online and None, node.since
    return Heard(host, nodes, list(told.exclude(kind=Kind.SEEN).order_by("-id")[:50]))


def silence_of(*, connection_id: int) -> SourceNotice | None:
    """Why the broker of a connection is not heard; None when it is, or was never told of."""
    told = SourceNotice.objects.filter(connection_id=connection_id, scope="")
    last = told.filter(kind__in=[Kind.LISTENING, Kind.DEAF, Kind.STANDBY]).order_by("-id").first()
    return last if last is not None and last.kind == Kind.DEAF else None


def granted_by(*, connection_id: int) -> SourceNotice | None:
    """When we last began to listen, and what the server granted of what we asked for then."""
    told = SourceNotice.objects.filter(connection_id=connection_id, scope="", kind=Kind.LISTENING)
    return told.exclude(detail="").order_by("-id").first()


def granted_said(notice: SourceNotice) -> Phrase:
    """What was granted, as a page tells it in its reader's language."""
    return phrase_read(GRANTED, notice.detail)


def _rows(connection_id: int, started: int) -> tuple[dict[str, NodeRow], dict[str, int]]:
    """By scope, and the notice each rests on."""
    rows, ids = {}, {}
    with database.cursor() as cursor:
        cursor.execute(_LAST, [connection_id, [Kind.BORN.value, Kind.DIED.value, Kind.STALE.value]])
        for scope, pk, kind, at, session, _ in cursor.fetchall():
            online = None if pk < started else kind == Kind.BORN
            rows[scope] = NodeRow(scope, online, at, session)
            ids[scope] = pk
        cursor.execute(_SEQ, [connection_id])
        for scope, seq, at in cursor.fetchall():
            if scope in rows:
                rows[scope].seq, rows[scope].seq_at = seq, at
    return rows, ids


def _counted(rows: dict[str, NodeRow], connection_id: int, now: datetime) -> None:
    recent = SourceNotice.objects.filter(connection_id=connection_id, at__gt=now - COUNTED)
    counts = recent.order_by().values_list("scope", "kind").annotate(Count("pk"))
    for scope, kind, count in counts:
        if scope in rows:
            names = {Kind.SEQ_FAULT: "faults", Kind.REBIRTH_ASKED: "asked", Kind.DEATH_IGNORED: "ignored"}
            if kind in names:
                setattr(rows[scope], names[kind], count)
    asked = recent.filter(kind=Kind.REBIRTH_ASKED).order_by("scope", "-id").distinct("scope")
    for scope, detail in asked.values_list("scope", "detail"):
        if scope in rows:
            rows[scope].why = detail
