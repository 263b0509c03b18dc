"""Samples of one machine folded into states, counts and alarms, against a bare loop over them."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

from tests.benchmarks.result import Ratio
from tests.production.domain.test_stitching import UNIT, at, folded, sample

SECONDS, TIMES = 25_000, 5
# The promise is 200,000 samples a second on one core; a bare loop reads some tens of millions.
GOAL = 0.01


def _median(work: Callable[[], object]) -> float:
    taken = []
    for _ in range(TIMES):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def run() -> list[Ratio]:
    rows = [
        row
        for n in range(SECONDS)
        for row in (sample(n, 1, 6 if n % 50 else 2), sample(n, 4, n), sample(n, 7, n % 7), sample(n, 3, 0))
    ]
    ours = len(rows) / _median(lambda: folded(UNIT, rows, at(SECONDS + 1)))
    bare = len(rows) / _median(lambda: [row[1] for row in rows])
    return [Ratio("stitching, pure fold (samples/s)", ours, bare, "bare loop", goal=GOAL)]
