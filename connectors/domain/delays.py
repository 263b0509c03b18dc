"""Times from source to database as counts per half octave of a millisecond: what percentiles need, however
many values.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

LAST = 79  # 2**39.5 ms: seventeen years


def percentile(delays: Mapping[int, int], share: float) -> float | None:
    """Seconds that a ``share`` (0 to 1) of values did not exceed (at most 41 % too long); None of none."""
    total = sum(delays.values())
    reached = 0
    for step in sorted(delays):
        reached += delays[step]
        if reached >= share * total:
            return float(2 ** ((step + 1) / 2)) / 1000
    return None


def together(parts: Iterable[Mapping[str, int]]) -> Counter[int]:
    """Keys are text where they come from JSON."""
    found: Counter[int] = Counter()
    for part in parts:
        for step, count in part.items():
            found[int(step)] += count
    return found
