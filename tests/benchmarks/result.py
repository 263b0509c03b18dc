from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """Ours against a baseline measured in the same run; absolute numbers depend on the machine, the
    ratio hardly.
    """

    name: str
    ours: float
    baseline: float
    baseline_name: str
    goal: float | None = None
    lower_is_better: bool = False

    @property
    def ratio(self) -> float:
        return self.ours / self.baseline

    @property
    def verdict(self) -> str:
        if self.goal is None:
            return "–"
        good = self.ratio <= self.goal if self.lower_is_better else self.ratio >= self.goal
        return "yes" if good else "NO"


def table(ratios: Iterable[Ratio]) -> str:
    lines = ["| what | ours | baseline | ratio | goal | met |", "| --- | ---: | ---: | ---: | ---: | --- |"]
    for item in ratios:
        sign = "≤" if item.lower_is_better else "≥"
        goal = "–" if item.goal is None else f"{sign} {item.goal:g}"
        lines.append(
            f"| {item.name} | {item.ours:,.0f} | {item.baseline:,.0f} ({item.baseline_name}) "
            f"| {item.ratio:.2f} | {goal} | {item.verdict} |"
        )
    return "\n".join(lines)
