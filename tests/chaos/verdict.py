from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Verdict:
    """``broken``: in words; empty when the promise was kept and every control was noticed."""

    name: str
    seed: int
    counts: dict[str, object] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)

    @property
    def kept(self) -> bool:
        return not self.broken

    def __str__(self) -> str:
        counted = " ".join(f"{name}={value}" for name, value in self.counts.items())
        said = "kept" if self.kept else "BROKEN: " + "; ".join(self.broken)
        return f"{self.name} seed={self.seed} {counted} → {said}"
