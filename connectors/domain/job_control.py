"""Job orders given to a machine and its responses, by OPC 10031-4 (ISA-95 job control): words and time.

Clauses are those of version 2; version 1 (2021) has another namespace, one method for all commands and an
enumeration of states.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from operator import itemgetter
from typing import Final, NamedTuple

from connectors.domain.phrase import Phrase, late, phrase

# Methods of ISA95JobOrderReceiverObjectType (§6.2.1), by our verbs
METHODS: Final = {
    "store": "Store",
    "store_and_start": "StoreAndStart",
    "start": "Start",
    "revoke_start": "RevokeStart",
    "pause": "Pause",
    "resume": "Resume",
    "update": "Update",
    "stop": "Stop",
    "cancel": "Cancel",
    "abort": "Abort",
    "clear": "Clear",
}
# Those that carry the whole order; the others name it
WITH_ORDER: Final = frozenset({"store", "store_and_start", "update"})

# Commands of version 1, in an argument of ReceiveJobOrder (its §6.3.1)
COMMANDS_1: Final = {
    "store": 1,
    "store_and_start": 2,
    "start": 3,
    "update": 4,
    "stop": 5,
    "cancel": 6,
    "clear": 7,
}

# Names and numbers of the states (§6.2.1.2)
STATES: Final = (
    "not_allowed_to_start",
    "allowed_to_start",
    "running",
    "interrupted",
    "ended",
    "aborted",
)
# States of version 1 by number, as those of version 2. One in error is still the machine's
STATES_1: Final = {
    1: "not_allowed_to_start",
    2: "allowed_to_start",
    3: "allowed_to_start",
    4: "running",
    5: "ended",
    6: "aborted",
    7: "interrupted",
    8: "interrupted",
    9: "ended",
    10: "interrupted",
}
AT_WORK: Final = frozenset({"running", "interrupted"})
OVER: Final = frozenset({"ended", "aborted"})

_NO_ERROR: Final = 1
# Annex B.2, table 95
_ERRORS: Final = {
    1: late("the machine does not know the order"),
    2: late("the machine does not know the command"),
    3: late("the state of the order does not allow it"),
    4: late("the machine cannot accept the order"),
    32: late("the request is invalid"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What a machine is told of an order. ``quantity`` in ``unit``; None: not planned."""

    code: str
    name: str = ""
    product: str = ""
    product_name: str = ""
    quantity: Decimal | None = None
    unit: str = ""
    start: datetime | None = None
    end: datetime | None = None
    priority: int = 0


class Response(NamedTuple):
    """A machine's report on an order. ``state`` is one of STATES, "" where it says another.

    ``made``: what it says it produced; None: it does not say.
    """

    code: str
    state: str
    start: datetime | None
    end: datetime | None
    made: Decimal | None = None


def errors_of(status: int) -> list[Phrase]:
    """What a ReturnStatus says went wrong; nothing for success."""
    if status == _NO_ERROR:
        return []
    found = [phrase(text) for bit, text in _ERRORS.items() if status >> bit & 1]
    return found or [phrase(late("the machine answered status %(status)d"), status=status)]


def state_of(text: str, number: int) -> str:
    """By its name where that is the standard's, else by its number: a text may be in any language."""
    name = "".join(letter for letter in text.lower() if letter.isalpha())
    for state in STATES:
        if name == state.replace("_", ""):
            return state
    return STATES[number - 1] if 1 <= number <= len(STATES) else ""


def orders_over_time(responses: Iterable[Response]) -> list[tuple[datetime, str]]:
    """Which order the machine works on from when, "" none. Of several at work the one begun last.

    An interrupted order is still the machine's: what it does meanwhile, its own state says.
    """
    spans = [
        (response.start, response.code, response.end if response.state in OVER else None)
        for response in responses
        if response.start is not None and response.state in AT_WORK | OVER
    ]
    spans.sort(key=itemgetter(0, 1))
    instants = sorted({at for start, _, end in spans for at in (start, end) if at is not None})
    found: list[tuple[datetime, str]] = []
    at_work, begun = list[tuple[datetime, str, datetime | None]](), 0
    for at in instants:
        while begun < len(spans) and spans[begun][0] <= at:
            at_work.append(spans[begun])
            begun += 1
        while at_work and (end := at_work[-1][2]) is not None and end <= at:
            at_work.pop()
        code = at_work[-1][1] if at_work else ""
        if not found or found[-1][1] != code:
            found.append((at, code))
    return found
