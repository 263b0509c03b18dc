"""What a connector noticed of its source that is no value and no gap: who came and went, what was asked."""

from __future__ import annotations

from typing import Final, NamedTuple

from connectors.domain.phrase import late

# Of a session, host or node
STARTED, LISTENING, DEAF, STANDBY = "started", "listening", "deaf", "standby"
BORN, DIED, STALE, SEEN = "born", "died", "stale", "seen"
SEQ_FAULT, REBIRTH_ASKED, DEATH_IGNORED, ALARM = "seq_fault", "rebirth_asked", "death_ignored", "alarm"
KINDS: Final = frozenset(
    {
        STARTED,
        LISTENING,
        DEAF,
        STANDBY,
        BORN,
        DIED,
        STALE,
        SEEN,
        SEQ_FAULT,
        REBIRTH_ASKED,
        DEATH_IGNORED,
        ALARM,
    }
)

# Kept in English with the notice: pages put it into their reader's language.
GRANTED: Final = late(
    "queues of %(asked)s asked, %(granted)s or more granted,"
    " fewer than asked for %(short)s of %(values)s values;"
    " sampled every %(every)s ms asked, %(slowest)s ms or faster granted"
)


class Notice(NamedTuple):
    """``scope``: who it is about ("group/node", "group/node/device", "" = the connection).

    ``at``: microseconds since 1970 UTC. ``session``: the source's own number of its session (bdSeq).
    """

    kind: str
    scope: str
    at: int
    session: int | None = None
    seq: int | None = None
    detail: str = ""
