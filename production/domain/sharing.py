"""Orders that run at once on one unit share its seconds by declared weights, to the microsecond."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

INSTANT = timedelta(microseconds=1)


class Weighed(NamedTuple):
    """From ``start`` on an order weighs so much among those that run beside it."""

    start: datetime
    code: str
    weight: int


def shared(time: timedelta, weights: Mapping[str, int]) -> dict[str, timedelta]:
    """A time split by weights; the parts add up to it exactly (largest remainder, then by code).

    Where all weigh nothing, all weigh the same.
    """
    if not weights:
        return {}
    known = dict(weights) if any(weights.values()) else dict.fromkeys(weights, 1)
    whole, total = time // INSTANT, sum(known.values())
    parts = {code: whole * weight // total for code, weight in known.items()}
    turn = sorted(known, key=lambda code: (-(whole * known[code] % total), code))
    for code in turn[: whole - sum(parts.values())]:
        parts[code] += 1
    return {code: part * INSTANT for code, part in parts.items()}


def weights_at(declared: Iterable[Weighed], codes: Iterable[str], at: datetime) -> dict[str, int]:
    """The weight of each order at an instant: the one declared last before it, else 1."""
    weights = dict.fromkeys(sorted(codes), 1)
    for one in sorted(declared):
        if one.start <= at and one.code in weights:
            weights[one.code] = one.weight
    return weights
