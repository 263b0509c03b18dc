"""One time model, many standards: every instant has one time class; standards are mappings of classes to
buckets.

The tables are data (domain.md §3). The three places where NF E60-182 and ISO 22400-2 differ, stated on the
pages:
micro-stops (performance here, availability there), planned maintenance and trials, and the denominator.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from production.domain import states
from production.domain.definition import BUILT_IN, Definition
from production.domain.stops import MICRO, SPEED_LOSS

CLOSED, NO_LOAD, BREAK, MEETING = "closed", "no_load", "break", "meeting"
PLANNED_MAINTENANCE, TRIAL = "planned_maintenance", "trial"
RUNNING, RUNNING_SLOW, MICRO_STOP = "running", "running_slow", "micro_stop"
BREAKDOWN, SETUP, OWN_OTHER = "breakdown", "setup", "own_other"
STARVED, BLOCKED, NO_OPERATOR, NO_MATERIAL = "starved", "blocked", "no_operator", "no_material"
# Induced like starved and blocked, by a machine that does not say which side it waits for.
SUSPENDED = "suspended"
UNKNOWN = "unknown"

CLASSES = (
    RUNNING, RUNNING_SLOW, MICRO_STOP, BREAKDOWN, SETUP, OWN_OTHER, STARVED, BLOCKED, SUSPENDED, NO_OPERATOR,
    NO_MATERIAL,
    TRIAL, PLANNED_MAINTENANCE, BREAK, MEETING, NO_LOAD, CLOSED, UNKNOWN,
)  # fmt: skip
PAUSES = frozenset({BREAK, MEETING, PLANNED_MAINTENANCE})

INDUCED = frozenset({STARVED, BLOCKED, SUSPENDED, NO_OPERATOR, NO_MATERIAL})
_EVERYTHING = frozenset(CLASSES)
_TT = _EVERYTHING - {UNKNOWN}
_TO = _TT - {CLOSED}
_TR = _TO - {NO_LOAD, BREAK, MEETING, PLANNED_MAINTENANCE, TRIAL}

# Standard → its times → the classes they add up.
STANDARDS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "NF E60-182": {
        "TT": _TT,
        "TO": _TO,
        "TR": _TR,
        "TF": frozenset({RUNNING, RUNNING_SLOW, MICRO_STOP}),
        "own": frozenset({BREAKDOWN, SETUP, OWN_OTHER}),
        "induced": INDUCED,
    },
    "ISO 22400-2": {
        "POT": _TO,
        "PBT": _TR,
        "APT": frozenset({RUNNING, RUNNING_SLOW}),
        "ADET": frozenset({MICRO_STOP, BREAKDOWN, OWN_OTHER}) | INDUCED,
        "AUST": frozenset({SETUP}),
    },
}


def bucket(standard: str, name: str, durations: Mapping[str, timedelta]) -> timedelta:
    """A standard's time, such as TR, from the time of each class."""
    classes = STANDARDS[standard][name]
    return sum((time for time_class, time in durations.items() if time_class in classes), timedelta())


@dataclass(frozen=True, slots=True)
class Situation:
    """What is known of one instant. ``stop_size`` is that of the whole stop; empty while running or
    unknown.
    """

    state: str
    mode: str
    fault_code: str
    planned: str
    order_code: str
    stop_size: str
    reason_class: str


def time_class(now: Situation, by: Definition = BUILT_IN) -> str:
    """The one class of an instant by the machine's definition. In this order: closed, running, unknown,
    pauses, what a person said, mode, a state that is planned, order, size of the stop, the machine's word.
    """
    base = by.bases[now.state]
    mode = by.modes.get(now.mode, "")
    if base == states.RUNNING:
        return TRIAL if mode == TRIAL else RUNNING
    if now.planned == CLOSED:
        return CLOSED
    if base == states.UNKNOWN:
        return UNKNOWN
    if now.planned in PAUSES:
        return now.planned
    if now.reason_class and not _small(now, base):
        return now.reason_class
    if mode:
        return mode
    if base == states.PLANNED:
        return by.states[now.state]
    return _standing(now, base, by.states[now.state]) if now.order_code else NO_LOAD


def _small(now: Situation, base: str) -> bool:
    """An own stop too short to be registered stays what its size makes it: a reason names it, no more."""
    return base == states.OWN and now.stop_size in (MICRO, SPEED_LOSS) and bool(now.order_code)


def _standing(now: Situation, base: str, meaning: str) -> str:
    """``meaning``: what the state counts as by the definition; a sort leaves the class to size and fault."""
    if now.stop_size == SPEED_LOSS:
        return RUNNING_SLOW
    # Which neighbour a suspended machine waits for is not guessed: induced all the same, in the same bucket
    # of every standard.
    if base in states.INDUCED:
        return meaning
    if now.stop_size == MICRO:
        return MICRO_STOP
    if meaning in CLASSES:
        return meaning
    return BREAKDOWN if now.fault_code or now.state in ("aborting", "aborted") else OWN_OTHER
