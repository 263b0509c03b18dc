"""The definitions behind a machine's figures, in words: what its states count as, when a halt is what."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late

from mom.pages import words
from production.domain.definition import BUILT_IN, Definition
from production.domain.slow import OVER
from production.selectors.units import REGISTERED_STOP, STALE_AFTER

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.selectors.definitions import InForce


# Why a state is not the one the machine told.
CAUSE_WORDS = {
    "no_count": late("it says it runs, and no piece was counted"),
    "silence": late("nothing was received"),
    "gap": late("data were lost"),
    "quality": late("the value was marked as bad"),
    "unmapped": late("nobody has said what the value means"),
    "no_value": late("no value has come yet"),
}


def cause_word(cause: str) -> str:
    return str(CAUSE_WORDS.get(cause, cause))


@dataclass(frozen=True, slots=True)
class Model:
    """A definition in force: by name, since when (None: it always was), and what it tells otherwise."""

    name: str
    family: str
    since: datetime | None
    changes: tuple[tuple[str, str], ...]


def models(found: Iterable[InForce]) -> list[Model]:
    return [Model(one.name, one.family, one.since, _changes(one.definition)) for one in found]


def _changes(definition: Definition) -> tuple[tuple[str, str], ...]:
    """State or mode and what it counts as, where that is not what the standard says."""
    pairs = [
        (words.state_word(state), meaning_word(meaning))
        for state, meaning in definition.states.items()
        if meaning != BUILT_IN.states[state]
    ]
    pairs += [
        (_("mode %(mode)s") % {"mode": mode}, meaning_word(meaning))
        for mode, meaning in definition.modes.items()
        if meaning != BUILT_IN.modes.get(mode)
    ]
    return tuple(dict.fromkeys(pairs))


def meaning_word(meaning: str) -> str:
    """A sort of standstill, or a time class, in words."""
    return words.base_word(meaning) if meaning in words.BASE_WORDS else words.class_word(meaning)


def limits(unit: Equipment) -> list[tuple[str, str]]:
    """From when on a halt of a machine is what: (what, limit), as shown."""
    minimum = _("its cycle time") if unit.minimum_stop is None else words.span(unit.minimum_stop)
    stale = STALE_AFTER if unit.stale_after is None else unit.stale_after
    return [
        (_("Speed loss, no stop, below"), minimum),
        (_("Micro-stop below"), words.span(unit.registered_stop or REGISTERED_STOP)),
        (_("No data after silence of"), words.span(stale)),
        (_("Stopped after no piece for"), _no_count(unit)),
        (_("Running slowly below"), _slow(unit)),
    ]


def _no_count(unit: Equipment) -> str:
    told = []
    if unit.no_count_after is not None:
        told.append(words.span(unit.no_count_after))
    if unit.no_count_cycles:
        told.append(_("%(count)s cycles") % {"count": unit.no_count_cycles})
    return _(" or ").join(told) or _("not watched")


def _slow(unit: Equipment) -> str:
    if unit.slow_below is None:
        return _("not told apart")
    over = words.span_minutes(unit.slow_over or OVER)
    return _("%(percent)s %% of the ideal rate over %(time)s") % {"percent": unit.slow_below, "time": over}
