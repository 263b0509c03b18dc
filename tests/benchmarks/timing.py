"""Milliseconds of a piece of work: the fastest of several, since other work shares the machine."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import NamedTuple

from tests.benchmarks.result import Ratio


class Took(NamedTuple):
    """Milliseconds; ``processor`` is ours, without the database's."""

    best: float
    median: float
    processor: float

    def __str__(self) -> str:
        return f"median {self.median:,.1f}, processor {self.processor:,.1f}"


def took(work: Callable[[], object], *, times: int = 15, before: Callable[[], object] | None = None) -> Took:
    """``before`` is not measured; the first run warms up and is not counted."""
    wall, processor = [], []
    for number in range(times + 1):
        if before is not None:
            before()
        started, busy = time.perf_counter(), time.process_time()
        work()
        if number or times == 0:
            wall.append((time.perf_counter() - started) * 1000)
            processor.append((time.process_time() - busy) * 1000)
    return Took(min(wall), statistics.median(wall), statistics.median(processor))


def allowed(name: str, ours: float, most: float, unit: str = "ms") -> Ratio:
    return Ratio(f"{name} ({unit})", ours, most, "allowed", goal=1, lower_is_better=True)


def against(name: str, ours: Took, naive: Took, naive_name: str = "account from events") -> Ratio:
    return Ratio(f"{name} (ms; {ours})", ours.best, naive.best, naive_name)
