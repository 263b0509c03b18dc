"""The definition in force: what the states and modes of one machine count as, at any instant.

A machine's family says it from dates on; what it leaves out is as the wider family says, else as
ISA-TR88.00.02 means it. A state has the meaning in force when it began: no window and no later change
cuts it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from plant.domain.time_model import MODE_MEANINGS, STATE_MEANINGS, STATES
from production.domain import states

STANDARD = "ISA-TR88.00.02"
ALWAYS = datetime.min.replace(tzinfo=UTC)
# A machine mode that says what its standstill is, where no person has said it.
MODE_CLASS: Mapping[str, str] = {
    "setup": "setup",
    "changeover": "setup",
    "trial": "trial",
    "maintenance": "breakdown",
    "cleaning": "own_other",
}


class Told(NamedTuple):
    """What one family says from ``since`` on, as far as it says it."""

    family: str
    since: datetime
    states: Mapping[str, str]
    modes: Mapping[str, str]
    name_en: str = ""
    name_fr: str = ""


@dataclass(frozen=True, slots=True)
class Definition:
    """What every state and mode counts as from ``since`` on. ``family``: whose it is; empty for the standard,
    which always was.
    """

    family: str = ""
    since: datetime = ALWAYS
    name_en: str = STANDARD
    name_fr: str = STANDARD
    states: Mapping[str, str] = field(default_factory=lambda: states.BASE_CLASS)
    modes: Mapping[str, str] = field(default_factory=lambda: MODE_CLASS)
    bases: Mapping[str, str] = field(default_factory=lambda: states.BASE_CLASS)

    @property
    def is_standard(self) -> bool:
        return self.since == ALWAYS


BUILT_IN = Definition()


class Definitions:
    """The definitions of one machine in the order they came into force."""

    __slots__ = ("_since", "versions")

    def __init__(self, versions: Sequence[Definition] = ()) -> None:
        self.versions = (BUILT_IN, *versions)
        self._since = [version.since for version in self.versions]

    def at(self, instant: datetime) -> Definition:
        """The definition for what began at an instant."""
        if len(self.versions) == 1:
            return BUILT_IN
        return self.versions[bisect_right(self._since, instant) - 1]

    def base_of(self, row: states.Row) -> str:
        """The sort of time a state row is."""
        return self.at(row.start).bases[row.state]

    def between(self, start: datetime, end: datetime) -> tuple[Definition, ...]:
        """What is in force somewhere in [start, end)."""
        return tuple(
            version
            for version, until in zip(self.versions, [*self._since[1:], None], strict=True)
            if version.since < end and (until is None or until > start)
        )


STANDARD_ONLY = Definitions()


def definitions_of(chain: Sequence[Iterable[Told]]) -> Definitions:
    """The definitions of a machine from what its families say, its own first, then each wider one."""
    families = [sorted(told, key=lambda one: one.since) for told in chain]
    dates = sorted({told.since for family in families for told in family})
    if not dates:
        return STANDARD_ONLY
    return Definitions([_definition(families, since) for since in dates])


def _definition(families: Sequence[Sequence[Told]], since: datetime) -> Definition:
    """What holds from a date on: the nearest family gives the name, each state is as the nearest says it."""
    held = [told for family in families if (told := _last(family, since)) is not None]
    counts: dict[str, str] = dict(states.BASE_CLASS)
    modes: dict[str, str] = dict(MODE_CLASS)
    for told in reversed(held):
        # What no release knows is left as the wider family says: an account never fails for a word.
        counts |= {k: v for k, v in told.states.items() if k in STATES and v in STATE_MEANINGS}
        modes |= {k: v for k, v in told.modes.items() if v in MODE_MEANINGS}
    bases = {state: STATE_MEANINGS.get(word, word) for state, word in counts.items()}
    nearest = held[0]
    return Definition(nearest.family, since, nearest.name_en, nearest.name_fr, counts, modes, bases)


def _last(family: Sequence[Told], at: datetime) -> Told | None:
    found = None
    for told in family:
        if told.since > at:
            break
        found = told
    return found
