"""What is wrong with a plant file: all of it at once, each with line, what was read and what was expected."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass

LONGEST = 300


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One mistake. ``line`` counts from 1; ``where`` is a path such as ``equipment[2].level``."""

    line: int
    where: str
    read: str
    expected: str

    def text(self, file: str) -> str:
        """One line a person can read, however long what was read is."""
        where, read, expected = (
            part if len(part) <= LONGEST else part[:LONGEST] + "…"
            for part in (self.where, self.read, self.expected)
        )
        return f"{file}:{self.line}: {where + ': ' if where else ''}read {read}, expected {expected}"


class PlantFileError(ValueError):
    """The file was refused and nothing was changed."""

    is_bad_input = True

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = sorted(set(problems))
        super().__init__("\n".join(problem.text(file) for problem in self.problems))


def one_of(read: str, known: Iterable[str]) -> str:
    """What was expected, nearest first when there are many: never a list nobody reads."""
    names = sorted(known)
    nearest = difflib.get_close_matches(read, names, n=3, cutoff=0.5)
    if len(names) <= 12:
        hint = f" (nearest: {nearest[0]})" if nearest else ""
        return f"one of {', '.join(names) or 'none known'}{hint}"
    return f"a known code (nearest: {', '.join(nearest)})" if nearest else f"one of {len(names)} known codes"
