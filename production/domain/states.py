"""Machine states by name: PackML's seventeen (ISA-TR88.00.02), starved and blocked, and unknown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from plant.domain.time_model import BLOCKED, IDLE, OWN, PLANNED, RUNNING, STARVED, SUSPENDED

EXECUTE, UNKNOWN, STOPPED = "execute", "unknown", "stopped"

# The sorts of time a state means where no time model says otherwise.
# Held is an internal or operator cause, suspended an external one (ISA-TR88.00.02 §5.2). A suspended machine
# that
# does not say whether it waits for its upstream or downstream neighbour stays "suspended".
BASE_CLASS: Mapping[str, str] = {
    "execute": RUNNING,
    "completing": RUNNING,
    "starting": OWN,
    "stopping": OWN,
    "stopped": OWN,
    "aborting": OWN,
    "aborted": OWN,
    "clearing": OWN,
    "resetting": OWN,
    "holding": OWN,
    "held": OWN,
    "unholding": OWN,
    "suspending": SUSPENDED,
    "suspended": SUSPENDED,
    "unsuspending": SUSPENDED,
    "idle": IDLE,
    "complete": IDLE,
    "starved": STARVED,
    "blocked": BLOCKED,
    "unknown": UNKNOWN,
}
PACKML = frozenset(BASE_CLASS) - {STARVED, BLOCKED, UNKNOWN}
STATES = tuple(BASE_CLASS)
STOP_CLASSES = (OWN, IDLE, STARVED, BLOCKED, SUSPENDED, PLANNED)
INDUCED = frozenset({STARVED, BLOCKED, SUSPENDED})


class Row(Protocol):
    """What is asked of a row of states to say what sort of time it is."""

    @property
    def start(self) -> datetime: ...

    @property
    def state(self) -> str: ...


# OPC 40001-1 gives machines without PackML four words.
OPC_40001 = {
    "not_available": UNKNOWN,
    "out_of_service": STOPPED,
    "not_executing": "idle",
    "executing": EXECUTE,
}


def raw_key(value: object) -> str:
    """The key a raw value has in a state map: 6, 6.0 and "6" are one, and so are True and "true"."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def state_of(value: object, state_map: Mapping[str, str]) -> str | None:
    """The state a raw value means: by the connection's map, else by its own name; None when neither knows
    it.
    """
    key = raw_key(value)
    named = state_map.get(key, key).strip().lower()
    if named in BASE_CLASS:
        return named
    return OPC_40001.get(named)
