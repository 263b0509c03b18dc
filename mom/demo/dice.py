"""Repeatable chance: every named stream is a counter, so the whole state is a small dictionary of numbers."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")

MASK = (1 << 64) - 1
GOLDEN = 0x9E3779B97F4A7C15


def mix(value: int) -> int:
    """SplitMix64 (Steele, Lea, Flood 2014): a counter in, 64 well-mixed bits out."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & MASK
    return value ^ (value >> 31)


class Dice:
    """Draws by name. One stream's draws do not depend on how often another one was drawn from."""

    def __init__(self, seed: str, drawn: dict[str, int] | None = None) -> None:
        self.seed = seed
        self.drawn: dict[str, int] = dict(drawn or {})
        self._keys: dict[str, int] = {}

    def uniform(self, name: str) -> float:
        """A number in the open interval (0, 1)."""
        key = self._keys.get(name)
        if key is None:
            digest = hashlib.blake2b(f"{self.seed}/{name}".encode(), digest_size=8).digest()
            key = self._keys[name] = int.from_bytes(digest, "big")
        count = self.drawn[name] = self.drawn.get(name, 0) + 1
        return ((mix((key + count * GOLDEN) & MASK) >> 11) + 0.5) / (1 << 53)

    def exponential(self, name: str, mean: float) -> float:
        return -mean * math.log(self.uniform(name))

    def normal(self, name: str) -> float:
        return math.sqrt(-2 * math.log(self.uniform(name))) * math.cos(2 * math.pi * self.uniform(name))

    def lognormal(self, name: str, median: float, sigma: float) -> float:
        return median * math.exp(sigma * self.normal(name))

    def chance(self, name: str, probability: float) -> bool:
        return self.uniform(name) < probability

    def between(self, name: str, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        return low + int(self.uniform(name) * (high - low + 1))

    def choice(self, name: str, items: Sequence[T]) -> T:
        return items[int(self.uniform(name) * len(items))]
