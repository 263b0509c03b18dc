"""Raw state value → state name. The table belongs to the connection: vendors number states differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from connectors.domain.phrase import Phrase, late, phrase
from plant.domain.samples import Value

PACKML_STATES: Final = (
    "stopped",
    "starting",
    "idle",
    "suspended",
    "execute",
    "stopping",
    "aborting",
    "aborted",
    "holding",
    "held",
    "unholding",
    "suspending",
    "unsuspending",
    "resetting",
    "completing",
    "complete",
    "clearing",
)
UNKNOWN: Final = "unknown"
# Suspended, refined by the machine's own cause; the minimum of OPC 40001-1 for machines without PackML.
REFINED: Final = ("starved", "blocked", "not_available", "out_of_service", "not_executing", "executing")
STATES: Final = frozenset((*PACKML_STATES, *REFINED, UNKNOWN))


def raw_key(value: Value) -> str:
    """How a raw value is written in a table: true/false, integers without a fraction, text as it is."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value).strip()


def state_of(value: Value, table: Mapping[str, str]) -> str:
    """The state a raw value means; a text that already is a state name needs no table."""
    if value is None:
        return UNKNOWN
    key = raw_key(value)
    found = table.get(key)
    if found is None and isinstance(value, str):
        lowered = key.lower()
        found = table.get(lowered) or (lowered if lowered in STATES else None)
    return found or UNKNOWN


def table_problems(table: Mapping[str, str]) -> list[Phrase]:
    return [
        phrase(
            late("%(value)r: read state %(state)r, expected one of %(known)s"),
            value=key,
            state=name,
            known=", ".join(sorted(STATES)),
        )
        for key, name in table.items()
        if name not in STATES
    ]
