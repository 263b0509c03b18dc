"""Late, repeated and disordered data end in the right record: the seconds of its definition, and time closes.

Generated machines with holes, gaps, bad values and two values of one instant. What they said is repeated and
shuffled, read back by source time and folded in windows cut anywhere: rows must be those of one fold, the
seconds of each state those of its definition, and rows of time must touch. No database: the pure fold alone.
Controls: three faults put in on purpose.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import pairwise

from production.domain.stitching import Fold, ordered
from tests.chaos import oracle
from tests.chaos.facts import PLANT, History, Said, history
from tests.chaos.verdict import Verdict

NAME = "time"
DATABASE = "none"
# Machines whose state is told by a signal: the definition of the seconds is about these
MACHINES = tuple(name for name, roles in PLANT.items() if "state" in roles)
INSTANT = timedelta(microseconds=1)
Order = Callable[[list[Said]], list[Said]]


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="time")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--histories", type=int, default=60, help="of a whole line each")
    parser.add_argument("--hours", type=float, default=0.5)
    read = parser.parse_args(options)
    return time_proof(seed=read.seed, histories=read.histories, hours=read.hours)


def time_proof(*, seed: int, histories: int, hours: float) -> Verdict:
    verdict, samples, rows = Verdict("time", seed), 0, 0
    for number in range(histories):
        facts = history(seed * 1_000_003 + number, hours=hours)
        samples += len(facts.of(Said))
        for machine in MACHINES:
            found, counted = wrong(facts, machine, random.Random(f"{seed} {number} {machine}"), as_product)
            rows += counted
            verdict.broken += [f"history {number} {machine}: {problem}" for problem in found]
    verdict.broken = verdict.broken[:5]
    caught = {what: _noticed(seed, order, hours) for what, order in CONTROLS.items()}
    verdict.broken += [f"control not noticed: {what}" for what, noticed in caught.items() if not noticed]
    verdict.counts |= {"histories": histories * len(MACHINES), "samples": samples, "rows": rows}
    verdict.counts["controls"] = f"{sum(caught.values())}/{len(caught)}"
    return verdict


def wrong(facts: History, machine: str, dice: random.Random, order: Order) -> tuple[list[str], int]:
    """What differs, and how many states were compared."""
    horizon = oracle.horizon_of(facts, machine)
    whole = oracle.fold_of(facts, machine)
    fold = _in_windows(facts, machine, dice, order, horizon)
    states = [*fold.states, *([fold.row] if fold.row else [])]
    wanted = [*whole.states, *([whole.row] if whole.row else [])]
    found = []
    if states != wanted:
        differing = next((pair for pair in zip(states, wanted, strict=False) if pair[0] != pair[1]), None)
        found.append(f"states differ, first {differing}")
    if fold.counted != whole.counted:
        found.append(f"counts differ: {fold.counted[:1]}, truly {whole.counted[:1]}")
    if any(one.end != other.start for one, other in pairwise(states)):
        found.append("time does not close")
    seconds: dict[str, timedelta] = {}
    for row in states:
        seconds[row.state] = seconds.get(row.state, timedelta()) + ((row.end or horizon) - row.start)
    told = {state: lasted for state, lasted in seconds.items() if lasted}
    truly = oracle.seconds_by_state(facts, machine)
    return found + ([f"{told} by state, truly {truly}"] if told != truly else []), len(states)


def _in_windows(facts: History, machine: str, dice: random.Random, order: Order, horizon: datetime) -> Fold:
    """Arrived in any order and repeated, read by source time, folded in windows cut anywhere."""
    said = [s for s in facts.of(Said) if isinstance(s, Said) and s.machine == machine]
    said += dice.sample(said, len(said) // 5)
    dice.shuffle(said)
    fold, roles = oracle.fold_begun(facts, machine), list(PLANT[machine])
    rows = [(s.at, s.server or oracle.EARLY, s.key, roles.index(s.role), s.value, s.bad) for s in order(said)]
    samples = ordered(rows) if order is as_product else [(r[0], r[3], r[4], r[5]) for r in rows]
    begin = 0
    while begin < len(samples):
        end = min(begin + dice.randint(1, 200), len(samples))
        # A window ends between two instants
        while end < len(samples) and samples[end][0] == samples[end - 1][0]:
            end += 1
        fold.feed(samples[begin:end])
        if end < len(samples) and samples[end][0] > samples[end - 1][0]:
            fold.advance(samples[end - 1][0] + INSTANT)
        begin = end
    fold.close(max(horizon, max(sample[0] for sample in samples)))
    return fold


def as_product(said: list[Said]) -> list[Said]:
    return said


def _as_arrived(said: list[Said]) -> list[Said]:
    return list(dict.fromkeys(said))


def _by_time_alone(said: list[Said]) -> list[Said]:
    """Two values of one instant in the order they came."""
    return sorted(dict.fromkeys(said), key=lambda s: s.at)


def _without_bad(said: list[Said]) -> list[Said]:
    unique = sorted(dict.fromkeys(said), key=lambda s: (s.at, s.server or oracle.EARLY, s.key))
    return [s._replace(bad=False) for s in unique]


CONTROLS: dict[str, Order] = {
    "folds as it came": _as_arrived,
    "one instant as it came": _by_time_alone,
    "bad taken for good": _without_bad,
}


def _noticed(seed: int, order: Order, hours: float) -> bool:
    for number in range(10):
        facts = history(seed * 1_000_003 + number, hours=hours)
        for machine in MACHINES:
            try:
                if wrong(facts, machine, random.Random(f"{seed} {number} {machine}"), order)[0]:
                    return True
            except AssertionError:
                return True
    return False
