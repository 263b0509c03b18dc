"""Splitting, merging and reverting what was said of a range of time: parts that are exactly their whole."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime


class Unfit(ValueError):
    """The parts asked for are no parts of the whole: what was read, and what was expected."""

    is_bad_input = True


@dataclass(frozen=True, slots=True)
class Part:
    """A reason over [start, end); ``end`` None: until the stop ends. ``reason_code`` empty: not said, or
    taken back. ``entry`` is the id of the entry that says it, None while nobody has.
    """

    start: datetime
    end: datetime | None
    reason_code: str
    entry: int | None = None


@dataclass(frozen=True, slots=True)
class Step:
    """An entry to write: a part, and the entry whose place it takes. An empty reason only takes it back."""

    part: Part
    supersedes: int | None


def split(whole: Part, cut: datetime, first_code: str, second_code: str) -> list[Step]:
    """Two entries that meet at ``cut``; the first takes the place of what said the whole."""
    if not whole.start < cut or (whole.end is not None and not cut < whole.end):
        until = "its end" if whole.end is None else whole.end.isoformat()
        raise Unfit(
            f"at: read {cut.isoformat()}, expected after {whole.start.isoformat()} and before {until}"
        )
    first_code, second_code = first_code or whole.reason_code, second_code or whole.reason_code
    if not first_code or not second_code:
        raise Unfit("reason: read none, expected one for each part")
    return [
        Step(Part(whole.start, cut, first_code), whole.entry),
        Step(Part(cut, whole.end, second_code), None),
    ]


def merge(left: Part, right: Part, reason_code: str = "") -> list[Step]:
    """One entry over both in place of the left one; the right one is taken back. Unfit unless they meet."""
    if left.end != right.start:
        read = "no end" if left.end is None else left.end.isoformat()
        raise Unfit(f"right: read a part from {right.start.isoformat()}, expected one that begins at {read}")
    return [
        Step(Part(left.start, right.end, reason_code or left.reason_code), left.entry),
        Step(replace(right, reason_code="", entry=None), right.entry),
    ]


def undo(act: Sequence[Part], before: Sequence[Part]) -> list[Step]:
    """Entries that say again what was said ``before`` in the place of those of one ``act``.

    An act has at least as many entries as it took the place of: what is over is taken back.
    """
    if not act or len(before) > len(act) or any(part.entry is None for part in act):
        raise Unfit(f"undo: read {len(act)} entries in place of {len(before)}, expected at least as many")
    steps = [Step(replace(part, entry=None), done.entry) for part, done in zip(before, act, strict=False)]
    return steps + [
        Step(replace(done, reason_code="", entry=None), done.entry) for done in act[len(before) :]
    ]


def applied(entries: Sequence[Part], steps: Sequence[Step], first_id: int) -> list[Part]:
    """Entries in force after steps, numbered from ``first_id`` on; those that only take back are none."""
    gone = {step.supersedes for step in steps}
    new = [replace(step.part, entry=first_id + number) for number, step in enumerate(steps)]
    kept = [entry for entry in entries if entry.entry not in gone]
    return sorted([*kept, *(part for part in new if part.reason_code)], key=lambda part: part.start)
