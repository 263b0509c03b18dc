"""What a load would do or did, as text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from plant.services import Change


@dataclass
class Outcome:
    """Changes in loading order, what is stored and not in the file, intervals made, PINs to hand out once."""

    changes: list[tuple[str, str, Change]] = field(default_factory=list)
    kept: dict[str, list[str]] = field(default_factory=dict)
    pins: list[tuple[str, str]] = field(default_factory=list)
    intervals_made: int = 0
    intervals_withdrawn: int = 0

    def count(self, kind: str) -> int:
        return sum(1 for _, _, change in self.changes if change.kind == kind)

    @property
    def changed_nothing(self) -> bool:
        return self.count("unchanged") == len(self.changes)


def lines(outcome: Outcome) -> Iterator[str]:
    """One line per added or changed row, one per section for the rest, a total."""
    sections = dict.fromkeys([*(name for name, _, _ in outcome.changes), *outcome.kept])
    for section in sections:
        mine = [(label, change) for name, label, change in outcome.changes if name == section]
        unchanged = sum(1 for _, change in mine if change.kind == "unchanged")
        yield f"{section}: {unchanged} unchanged"
        for label, change in mine:
            yield from _row(label, change)
        if outcome.kept.get(section):
            yield f"  = kept, not in file: {', '.join(outcome.kept[section])}"
    yield (
        f"{outcome.count('added')} added, {outcome.count('changed')} changed, "
        f"{outcome.count('unchanged')} unchanged, {sum(map(len, outcome.kept.values()))} kept, not in file; "
        f"calendar intervals: {outcome.intervals_made} made, {outcome.intervals_withdrawn} withdrawn"
    )


def _row(label: str, change: Change) -> Iterator[str]:
    if change.kind == "added":
        yield f"  + {label}"
    if change.kind == "changed":
        parts = [
            f"{name}: {_shown(change.before.get(name))} → {_shown(new)}" for name, new in change.after.items()
        ]
        yield f"  ~ {label}: {'; '.join(parts)}"


def _shown(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 160 else f"{text[:157]}…"
