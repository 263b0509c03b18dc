"""The trace of 10,000 lots in one statement, against the two seconds it may take."""

from __future__ import annotations

import time

from tests.benchmarks.result import Ratio
from tests.factories.plant import line_make, material_make
from tests.traceability.test_genealogy import graph_make
from traceability import selectors

LOTS, MOST_MS = 10_001, 2_000


def run() -> list[Ratio]:
    pairs = [(source, 10 * source + leaf) for source in range(1000) for leaf in range(1, 11)]
    lots = graph_make(line_make(1).line, material_make(), LOTS, pairs)
    selectors.trace(lots[0], direction="forward")
    started = time.perf_counter()
    found = selectors.trace(lots[0], direction="forward")
    took = (time.perf_counter() - started) * 1000
    assert len(found.distances) == LOTS
    return [Ratio("trace of 10,000 lots (ms)", took, MOST_MS, "allowed", goal=1, lower_is_better=True)]
