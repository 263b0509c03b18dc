"""Changing a line from one product to the next: the standard that holds, and what a sequence costs.

A standard is looked up by product × product, then family × family, then the line's default.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import pairwise
from typing import NamedTuple


class Product(NamedTuple):
    """A product as standards know it; ``family`` may be empty."""

    code: str
    family: str


class Standard(NamedTuple):
    """One declared duration. Empty on both sides: the line's default."""

    from_product: str
    from_family: str
    to_product: str
    to_family: str
    duration: timedelta


def standard_for(standards: Iterable[Standard], before: Product, after: Product) -> timedelta | None:
    """The declared duration from one product to the next; None where none is declared.

    The same product again needs no changeover: zero, unless declared otherwise.
    """
    by_key = {item[:4]: item.duration for item in standards}
    found = by_key.get((before.code, "", after.code, ""))
    if found is None and before.code == after.code:
        return timedelta()
    if found is None and before.family and after.family:
        found = by_key.get(("", before.family, "", after.family))
    return by_key.get(("", "", "", "")) if found is None else found


def sequence_time(products: Sequence[Product], standards: Sequence[Standard]) -> timedelta | None:
    """Changeover time a sequence needs by the standards; None when a step has none."""
    steps = [standard_for(standards, before, after) for before, after in pairwise(products)]
    known = [step for step in steps if step is not None]
    return sum(known, timedelta()) if len(known) == len(steps) else None
