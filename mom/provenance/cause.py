"""Which cause of lost time is asked for, as an address says it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mom.pages.origins import end_word, origin_word
from mom.pages.words import class_word

if TYPE_CHECKING:
    from production.domain.line.losses import LostPart


@dataclass(frozen=True, slots=True)
class Cause:
    """What lost time is asked for: how the walk ended, where, by which reason and class."""

    kind: str
    machine: str
    reason: str
    time_class: str
    uncoded: bool

    def holds(self, part: LostPart) -> bool:
        found = (part.cause.kind, part.cause.machine, part.uncoded)
        if found != (self.kind, self.machine, self.uncoded):
            return False
        return self.uncoded or (part.reason_code, part.time_class) == (self.reason, self.time_class)

    @property
    def query(self) -> dict[str, str]:
        asked = {
            "kind": self.kind,
            "machine": self.machine,
            "reason": self.reason,
            "class": self.time_class,
            "uncoded": "1" if self.uncoded else "",
        }
        return {name: value for name, value in asked.items() if value}

    @property
    def name(self) -> str:
        what = self.reason or class_word("uncoded" if self.uncoded else self.time_class)
        return origin_word(self.machine, what) if self.machine else end_word(self.kind) or what
