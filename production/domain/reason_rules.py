"""Which named rule says why a machine stopped, from the codes it reported around the start of the stop."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

ANY = "*"


class Reported(NamedTuple):
    """A fault or alarm code and when it was reported; ``at`` None: in the stop itself, as its own fault."""

    code: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Rule:
    """``pattern``: a code, or its beginning followed by ``*``. ``nearness``: how closely it names the
    machine: 2 the machine itself, 1 its class or a wider one, 0 all machines.
    """

    id: int
    code: str
    pattern: str
    priority: int
    look_back: timedelta
    valid_from: datetime
    nearness: int = 0

    def matches(self, code: str) -> bool:
        if self.pattern.endswith(ANY):
            return bool(code) and code.startswith(self.pattern.removesuffix(ANY))
        return code == self.pattern


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a rule says, and the code that made it speak."""

    rule: Rule
    reported: Reported


def verdict(start: datetime, reported: Sequence[Reported], rules: Iterable[Rule]) -> Verdict | None:
    """The rule that speaks of a stop that began at ``start``; None where none matches.

    Highest priority first; then the rule that names the machine more closely, then the longer pattern, then
    the code: the same whatever the order they are given in. A rule says nothing of stops before it was valid.
    """
    ranked = sorted(rules, key=_rank)
    # The stop's own code before an alarm of the same instant; of two alarms as near, the earlier.
    heard = sorted(
        reported, key=lambda item: (_distance(item, start), item.code, item.at is not None, item.at or start)
    )
    for rule in ranked:
        if start < rule.valid_from:
            continue
        for item in heard:
            if _distance(item, start) <= rule.look_back and rule.matches(item.code):
                return Verdict(rule, item)
    return None


def _rank(rule: Rule) -> tuple[int, int, bool, int, str]:
    exact = not rule.pattern.endswith(ANY)
    return (-rule.priority, -rule.nearness, not exact, -len(rule.pattern), rule.code)


def _distance(item: Reported, start: datetime) -> timedelta:
    """How far from the start of the stop; a machine's clock and ours may differ by seconds either way."""
    return timedelta() if item.at is None else abs(item.at - start)
