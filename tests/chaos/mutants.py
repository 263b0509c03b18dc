"""The proofs can fail: every bug put into the real code on purpose is noticed.

Each protection is taken out in turn (``tests/chaos/bugs.py``) and the check meant for it must find something
wrong; without any bug every check must find nothing.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import time
from collections.abc import Iterator
from unittest.mock import patch

from connectors.services import ingest
from tests.chaos.bugs import BUGS
from tests.chaos.checks import CHECKS
from tests.chaos.verdict import Verdict


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="mutants")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--rounds", type=int, default=1, help="seeds to try, each with every bug")
    parser.add_argument("--only", default="", help="bugs whose name holds this")
    parser.add_argument("--told", action="store_true", help="print what each was noticed by")
    read = parser.parse_args(options)
    return mutants_proof(seed=read.seed, rounds=read.rounds, only=read.only, told=read.told)


def mutants_proof(*, seed: int, rounds: int = 1, only: str = "", told: bool = False) -> Verdict:
    verdict, by = Verdict("mutants", seed), dict.fromkeys(CHECKS, 0)
    # The others are the controls of proofs with processes of their own
    wanted = {name: bug for name, bug in BUGS.items() if only in name and bug.check in CHECKS}
    with _quietly():
        for number in range(seed, seed + rounds):
            for name in dict.fromkeys(bug.check for bug in wanted.values()):
                clean = CHECKS[name](number)
                verdict.broken += [f"without a bug, {name} finds: {problem}" for problem in clean[:2]]
            for name, bug in wanted.items():
                found = noticed(name, number)
                by[bug.check] += bool(found)
                if not found:
                    verdict.broken.append(f"not noticed by {bug.check}, seed {number}: {name}")
                if told:
                    print(f"{name:<45} {bug.check:<8} {'; '.join(found)[:150]}", flush=True)
    verdict.counts |= {"caught": f"{sum(by.values())}/{rounds * len(wanted)}"}
    verdict.counts |= {f"by-{name}": number for name, number in by.items()}
    return verdict


def noticed(name: str, seed: int) -> list[str]:
    bug = BUGS[name]
    take_out = bug.put_in()
    try:
        return CHECKS[bug.check](seed)
    finally:
        take_out()


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Nobody is there to be woken, and what a bug makes the product say is not news."""
    logging.disable(logging.CRITICAL)
    try:
        with (
            patch.object(ingest, "wake", lambda *_: None),
            patch.object(ingest, "wake_sparingly", lambda *_: None),
        ):
            yield
    finally:
        logging.disable(logging.NOTSET)
