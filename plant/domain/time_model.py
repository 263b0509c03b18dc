"""The words of a time model: what a state or mode of a machine may count as.

A sort (own, idle, …) leaves the class to the size of the stop, its fault and the order; a time class says it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

RUNNING, OWN, IDLE, SUSPENDED, STARVED, BLOCKED = "running", "own", "idle", "suspended", "starved", "blocked"
PLANNED = "planned"

# What a state may count as → the sort of standstill that makes it.
STATE_MEANINGS: Mapping[str, str] = {
    RUNNING: RUNNING,
    OWN: OWN,
    "breakdown": OWN,
    "own_other": OWN,
    "setup": OWN,
    IDLE: IDLE,
    SUSPENDED: SUSPENDED,
    STARVED: STARVED,
    BLOCKED: BLOCKED,
    "no_operator": SUSPENDED,
    "no_material": SUSPENDED,
    "planned_maintenance": PLANNED,
    "trial": PLANNED,
    "no_load": PLANNED,
}
# What a mode may say a standstill is.
MODE_MEANINGS = (
    "setup",
    "trial",
    "breakdown",
    "own_other",
    "planned_maintenance",
    "no_load",
    "no_operator",
    "no_material",
)
# PackML's seventeen (ISA-TR88.00.02), starved and blocked. What is unknown stays unknown.
STATES = (
    "execute", "completing", "starting", "stopping", "stopped", "aborting", "aborted", "clearing",
    "resetting", "holding", "held", "unholding", "suspending", "suspended", "unsuspending", "idle",
    "complete", "starved", "blocked",
)  # fmt: skip
LONGEST_MODE = 24


def states_refused(states: object) -> Iterator[tuple[str, str]]:
    """(state, what is expected) of every entry that says nothing known."""
    if not isinstance(states, Mapping):
        yield "", "a mapping of states"
        return
    for state, meaning in states.items():
        if state not in STATES:
            yield str(state), f"a state, one of: {', '.join(STATES)}"
        elif not isinstance(meaning, str) or meaning not in STATE_MEANINGS:
            yield str(state), f"what it counts as, one of: {', '.join(STATE_MEANINGS)}"


def modes_refused(modes: object) -> Iterator[tuple[str, str]]:
    """(mode, what is expected) of every entry that says nothing known."""
    if not isinstance(modes, Mapping):
        yield "", "a mapping of modes"
        return
    for mode, meaning in modes.items():
        if not str(mode) or str(mode) != str(mode).strip().lower() or len(str(mode)) > LONGEST_MODE:
            yield str(mode), f"a mode in small letters, at most {LONGEST_MODE}"
        elif not isinstance(meaning, str) or meaning not in MODE_MEANINGS:
            yield str(mode), f"what its standstills are, one of: {', '.join(MODE_MEANINGS)}"
