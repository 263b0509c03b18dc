"""The states of a job order and what moves it between them (OPC 10031-4 §6, ISA-95 job control).

What a person commands is validated. What a machine's order signal says has happened and is never refused; a
step
the standard does not allow is taken all the same and flagged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

NOT_ALLOWED, ALLOWED, RUNNING = "not_allowed_to_start", "allowed_to_start", "running"
INTERRUPTED, ENDED, ABORTED = "interrupted", "ended", "aborted"
STORE, ALLOW, REVOKE, START, PAUSE, RESUME, STOP, ABORT = (
    "store", "allow", "revoke", "start", "pause", "resume", "stop", "abort",
)  # fmt: skip

LEGAL: dict[tuple[str, str], str] = {
    (NOT_ALLOWED, ALLOW): ALLOWED,
    (NOT_ALLOWED, ABORT): ABORTED,
    (ALLOWED, REVOKE): NOT_ALLOWED,
    (ALLOWED, START): RUNNING,
    (ALLOWED, ABORT): ABORTED,
    (RUNNING, PAUSE): INTERRUPTED,
    (RUNNING, STOP): ENDED,
    (RUNNING, ABORT): ABORTED,
    (INTERRUPTED, RESUME): RUNNING,
    (INTERRUPTED, STOP): ENDED,
    (INTERRUPTED, ABORT): ABORTED,
}
# What each verb leads to when it simply happened.
LEADS_TO = {
    STORE: ALLOWED, ALLOW: ALLOWED, REVOKE: NOT_ALLOWED, START: RUNNING, PAUSE: INTERRUPTED, RESUME: RUNNING,
    STOP: ENDED, ABORT: ABORTED,
}  # fmt: skip


class IllegalTransition(ValueError):
    """A command the order's state does not allow; says what was asked, the state, and what is allowed."""

    def __init__(self, verb: str, state: str) -> None:
        self.verb, self.state, self.allowed = verb, state, verbs_allowed(state)
        super().__init__(
            f"{verb}: the order is {state}, which allows {', '.join(self.allowed) or 'nothing more'}"
        )


class Event(NamedTuple):
    """Something that happened to an order. ``signalled``: a machine said so, nobody commanded it."""

    at: datetime
    verb: str
    signalled: bool = False
    equipment_id: int | None = None


class Working(NamedTuple):
    """The order was being worked on."""

    start: datetime
    end: datetime | None


@dataclass(frozen=True, slots=True)
class Execution:
    """What an order's events add up to."""

    state: str
    started_at: datetime | None
    ended_at: datetime | None
    working: tuple[Working, ...]
    illegal: tuple[Event, ...]


def verbs_allowed(state: str) -> tuple[str, ...]:
    return tuple(verb for (at, verb) in LEGAL if at == state)


def check(state: str, verb: str) -> str:
    """The state a commanded verb leads to. IllegalTransition where it is not allowed."""
    if (state, verb) not in LEGAL:
        raise IllegalTransition(verb, state)
    return LEGAL[state, verb]


def execution(events: Iterable[Event]) -> Execution:
    """Fold events in time order. Commands come before signals of the same instant, so that a signal confirms
    them.
    """
    # An order may be told here after it ran; being stored changes nothing that happened.
    state, started, ended = ALLOWED, None, None
    working: list[Working] = []
    illegal: list[Event] = []
    for event in sorted(events, key=lambda e: (e.at, e.signalled)):
        if event.verb == STORE:
            continue
        to = LEADS_TO[event.verb]
        if to == state or (event.signalled and event.verb == STOP and state in (INTERRUPTED, ABORTED)):
            continue
        if event.signalled and event.verb == START and state == INTERRUPTED:
            event = event._replace(verb=RESUME)
        if (state, event.verb) not in LEGAL:
            illegal.append(event)
        if to == RUNNING:
            started = started or event.at
            working.append(Working(event.at, None))
        elif state == RUNNING and working:
            last = working.pop()
            working += [Working(last.start, event.at)] if last.start < event.at else []
        ended = event.at if to in (ENDED, ABORTED) else None
        state = to
    return Execution(state, started, ended, tuple(working), tuple(illegal))
