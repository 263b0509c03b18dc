"""Job orders given to a machine and its responses, by OPC 10031-4 (ISA-95 job control): words and time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
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

# Names and numbers of the states (§6.2.1.2)
STATES: Final = (
    "not_allowed_to_start",
    "allowed_to_start",
    "running",
    "interrupted",
    "ended",
    "aborted",
)
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
    """A machine's report on an order. ``state`` is one of STATES, "" where it says another."""

    code: str
    state: str
    start: datetime | None
    end: datetime | None


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
        (response.start, response.end if response.state in OVER else None, response.code)
        for response in responses
        if response.start is not None and response.state in AT_WORK | OVER
    ]
    instants = sorted({at for start, end, _ in spans for at in (start, end) if at is not None})
    found: list[tuple[datetime, str]] = []
    for at in instants:
        at_work = [(s, code) for s, end, code in spans if s <= at and (end is None or at < end)]
        code = max(at_work)[1] if at_work else ""
        if (found[-1][1] if found else "") != code or not found:
            found.append((at, code))
    return found
