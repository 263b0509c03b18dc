"""Two of the seven questions: was it the right material, and does the order leave traceability evidence?"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

Verdict = Literal["yes", "no", "not_known"]


@dataclass(frozen=True, slots=True)
class MaterialAnswer:
    """``wrong``: material ids used but not in the bill of materials; ``missing``: the other way round."""

    verdict: Verdict
    wrong: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()


def right_material(*, used: Collection[int], expected: Collection[int]) -> MaterialAnswer:
    """No once a lot of another material was used; not known while nothing was scanned or is expected."""
    if not used or not expected:
        return MaterialAnswer("not_known", missing=tuple(sorted(set(expected))))
    wrong = tuple(sorted(set(used) - set(expected)))
    return MaterialAnswer("no" if wrong else "yes", wrong, tuple(sorted(set(expected) - set(used))))


def leaves_evidence(
    *, used: Collection[int], expected: Collection[int], lots_made: int, unbooked: int = 0
) -> Verdict:
    """Yes when a lot was made and every expected material was scanned; no when a part of that is missing.

    ``unbooked``: lots a machine said it worked with and nobody booked.
    """
    if unbooked:
        return "no"
    if not used and not lots_made:
        return "no" if expected else "not_known"
    return "yes" if lots_made and set(expected) <= set(used) else "no"
