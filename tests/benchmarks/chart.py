"""Processor time of a chart of a process value: our SVG from the server, against plotly.py's JSON of it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import plotly.graph_objects as figures

from mom.record.drawing import value_chart
from mom.record.model import ProcessValue
from plant.domain.intervals import Interval
from tests.benchmarks.result import Ratio

POINTS, TIMES, GOAL = 100, 200, 0.1
START = datetime(2026, 3, 2, 6, tzinfo=UTC)
HOURS = timedelta(hours=8)


def run() -> list[Ratio]:
    dice = random.Random(3)
    step = HOURS / POINTS
    points = tuple((START + number * step, 70 + dice.gauss(0, 2)) for number in range(POINTS))
    wanted = ((START, 70.0), (START + HOURS / 2, 72.0))
    value = ProcessValue(
        name="Temperature", equipment_code="L1-FILL", equipment="Filler", unit="°C", points=points,
        setpoints=wanted, lowest=60.0, average=70.0, highest=80.0, setpoint=72.0, count=POINTS, evidence="",
    )  # fmt: skip
    window = Interval(START, START + HOURS)
    ours = _microseconds(lambda: value_chart(value, window))
    theirs = _microseconds(lambda: _plotly(value, window))
    return [
        Ratio(
            f"chart of {POINTS} points and a setpoint (µs of processor)", ours, theirs, "plotly.py to_json",
            goal=GOAL, lower_is_better=True,
        )
    ]  # fmt: skip


def _plotly(value: ProcessValue, window: Interval) -> str:
    times, numbers = zip(*value.points, strict=True)
    figure = figures.Figure()
    figure.add_scatter(x=times, y=numbers, mode="lines", name=value.name)
    steps = [*value.setpoints, (window.end, value.setpoints[-1][1])]
    figure.add_scatter(
        x=[at for at, _ in steps], y=[number for _, number in steps], mode="lines", name="setpoint",
        line={"shape": "hv", "dash": "dash"},
    )  # fmt: skip
    figure.update_layout(xaxis={"range": [window.start, window.end]}, yaxis={"title": value.unit})
    return str(figure.to_json())


def _microseconds(work: Callable[[], object]) -> float:
    """Of processor time, the lowest of five rounds."""
    work()
    rounds = []
    for _ in range(5):
        began = time.process_time()
        for _ in range(TIMES // 5):
            work()
        rounds.append((time.process_time() - began) / (TIMES // 5) * 1e6)
    return min(rounds)
