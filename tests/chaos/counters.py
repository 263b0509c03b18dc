"""Counters neither invent nor lose production: roll-over, reset, jitter, wild and late values, repeats, gaps.

Each generated machine makes pieces and keeps the truth aside; what its counter showed arrives late, twice
and in any order. Where the values decide it the pieces told are exactly those made; where they cannot (pieces
made unseen before a reset) no piece is invented and the place is flagged. Controls: three faults put in.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from production.domain import counters
from production.domain.counters import Counter, Number, Step
from production.domain.stitching import ordered
from tests.chaos.verdict import Verdict

DATABASE = "none"
T0 = datetime(2026, 3, 2, 6, tzinfo=UTC)
WILD = (2**64 - 1, 1e300, None, "off", float("nan"))


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="counters")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--histories", type=int, default=20_000)
    read = parser.parse_args(options)
    return counters_proof(seed=read.seed, histories=read.histories)


@dataclass
class Shown:
    """``unseen``: pieces no value can tell of, because a reset hid them."""

    modulus: int | None
    made: int = 0
    unseen: int = 0
    resets: int = 0
    readings: list[tuple[datetime, object]] = field(default_factory=list)
    gaps: list[tuple[datetime, datetime]] = field(default_factory=list)


def history(dice: random.Random) -> Shown:
    made = Shown(dice.choice([None, None, 100, 10_000, 2**16]))
    register, at, hidden = dice.randint(0, (made.modulus or 5000) - 1), T0, 0
    made.readings.append((at, register))
    for _ in range(dice.randint(2, 25)):
        at += timedelta(milliseconds=dice.randint(1, 600_000))
        pieces = dice.choice([0, 1, dice.randint(0, (made.modulus or 400) // 4)])
        if made.modulus is None and register > 500 and dice.random() < 0.1:
            # Made after the last reading and before the reset: nobody will ever see them
            hidden = dice.choice([0, dice.randint(1, 50)])
            pieces, register = min(pieces, register // 2), 0
            made.resets += 1
            made.unseen += hidden
            made.made += hidden
        made.made += pieces
        register += pieces
        if made.modulus is not None:
            register %= made.modulus
        made.readings.append((at, register if dice.random() < 0.8 else float(register)))
        if dice.random() < 0.1:
            made.readings.append((at + timedelta(microseconds=1), dice.choice(WILD)))
        if dice.random() < 0.05:
            made.gaps.append((at - timedelta(seconds=1), at))
    return made


def arrived(shown: Shown, dice: random.Random) -> list[tuple[datetime, object]]:
    """Late, repeated and in any order."""
    found = shown.readings + dice.sample(shown.readings, dice.randint(0, len(shown.readings) // 2))
    if dice.random() < 0.5:
        dice.shuffle(found)
    return found


def in_source_order(values: list[tuple[datetime, object]]) -> list[tuple[datetime, object]]:
    """As the product reads them: by source time, each once."""
    unique = dict.fromkeys((at, repr(value)) for at, value in values)
    known = {(at, repr(value)): value for at, value in values}
    rows = ordered((at, T0, 0, 0, known[at, text], False) for at, text in unique)
    return [(row[0], row[2]) for row in rows]


Order = Callable[[list[tuple[datetime, object]]], list[tuple[datetime, object]]]


def wrong(shown: Shown, values: list[tuple[datetime, object]], order: Order) -> str:
    counter = Counter(1, "good", modulus=shown.modulus)
    for at, value in order(values):
        counter.add(at, value, shown.gaps)
    counter.flush()
    told = sum(row.quantity for row in counter.rows)
    if told != shown.made - shown.unseen:
        return f"{told} pieces, truly {shown.made} of which {shown.unseen} were never shown"
    flagged = sum(row.flag == counters.RESET for row in counter.rows)
    return f"{shown.resets} resets, {flagged} flagged" if flagged != shown.resets else ""


def counters_proof(*, seed: int, histories: int) -> Verdict:
    verdict, dice = Verdict("counters", seed), random.Random(seed)
    readings = undecidable = 0
    for number in range(histories):
        shown = history(dice)
        readings += len(shown.readings)
        undecidable += shown.unseen > 0
        if problem := wrong(shown, arrived(shown, dice), in_source_order):
            verdict.broken.append(f"history {number}: {problem}")
    verdict.broken = verdict.broken[:5]
    caught = _controls(seed)
    verdict.broken += [f"control not noticed: {name}" for name, noticed in caught.items() if not noticed]
    verdict.counts |= {"histories": histories, "readings": readings, "undecidable": undecidable}
    verdict.counts["controls"] = f"{sum(caught.values())}/{len(caught)}"
    return verdict


def _controls(seed: int) -> dict[str, bool]:
    def falls_are_negative(before: Number, after: Number, modulus: Number | None) -> Step:
        return Step(after - before, "")

    def never_rolls_over(before: Number, after: Number, modulus: Number | None) -> Step:
        return difference(before, after, None)

    difference = counters._difference
    caught = {"steps in order of arrival": _noticed(seed, lambda values: values)}
    for name, fault in (("falls are negative", falls_are_negative), ("never rolls over", never_rolls_over)):
        counters._difference = fault
        try:
            caught[name] = _noticed(seed, in_source_order)
        finally:
            counters._difference = difference
    return caught


def _noticed(seed: int, order: Order) -> bool:
    dice = random.Random(seed)
    made = (history(dice) for _ in range(500))
    return any(wrong(shown, arrived(shown, dice), order) for shown in made)
