"""First-fault attribution judged by a line simulator: what curing each machine gains, and its own truth."""

from __future__ import annotations

from tests.benchmarks.result import Ratio
from tests.oracles import line_simulator
from tests.oracles.attribution import Score, noisy, ranked, spearman

LINES, HOURS, NOISY_HOURS = 10, 120, 24
# Ratios are printed whole: a rank correlation in thousandths.
PERFECT = 1000


def run() -> list[Ratio]:
    first: list[float] = []
    own: list[float] = []
    gained: list[float] = []
    charged: list[float] = []
    down: list[float] = []
    for seed in range(LINES):
        found = ranked(seed, hours=HOURS)
        first.append(found.against(found.first_fault))
        own.append(found.against(found.own))
        line = line_simulator.line_made(seed)
        pace = line.stations[line.constraint].rate
        for name in found.gained:
            gained.append(found.gained[name] / pace)
            charged.append(found.first_fault[name])
            down.append(found.own[name])
    score = Score()
    for seed in range(LINES):
        score.add(noisy(seed, hours=NOISY_HOURS))

    def rank(name: str, value: float, goal: float | None = None) -> Ratio:
        return Ratio(f"{name}, Spearman × 1000", value * PERFECT, PERFECT, "what curing gains", goal=goal)

    return [
        rank("line attribution: first fault, mean of ten lines", sum(first) / LINES, 0.95),
        rank("line attribution: first fault, all causes together", spearman(gained, charged), 0.95),
        rank("line attribution: own downtime, mean of ten lines", sum(own) / LINES),
        rank("line attribution: own downtime, all causes together", spearman(gained, down)),
        Ratio(
            "line attribution from bad logs: stops right", score.stops_right, score.stops,
            "all stops", goal=0.95,
        ),
        Ratio(
            "line attribution from bad logs: seconds right", score.seconds_right, score.seconds,
            "all seconds", goal=0.99,
        ),
    ]  # fmt: skip
