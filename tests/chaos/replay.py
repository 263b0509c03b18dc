"""The same facts give the same record, in whatever order and batches they arrive.

One seeded history of four machines is delivered again and again in other orders, batches and repetitions,
with stitching in between. Every replay must give the rows of the in-order fold, the pieces the generator
truly made and the seconds of the definition; processes in other time zones and with other seeds of hashes
derive the same rows. Controls: three faults put in on purpose, all to be noticed.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any
from unittest.mock import patch

from django.db import Error, transaction

from connectors import selectors as connectors
from connectors.selectors import SampleRow
from production.services.stitching import Refold
from tests.chaos import oracle
from tests.chaos.arrival import STYLES, Replay
from tests.chaos.facts import PLANT, History, Lost, Said, history
from tests.chaos.plant import Plant, plant_make
from tests.chaos.stored import pieces_stored, rows_stored, seconds_stored
from tests.chaos.verdict import Verdict
from tests.connectors.stack import ROOT, database_url

# Time zone and PYTHONHASHSEED
HOSTS = (("America/St_Johns", "1"), ("Pacific/Kiritimati", "4242"))


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="replay")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--replays", type=int, default=20)
    parser.add_argument("--hours", type=float, default=8.0)
    read = parser.parse_args(options)
    return replay_proof(seed=read.seed, replays=read.replays, hours=read.hours)


def replay_proof(*, seed: int, replays: int, hours: float) -> Verdict:
    facts = history(seed, hours=hours)
    verdict = Verdict("replay", seed, _counts(facts))
    with scratch(facts) as plant:
        wanted = oracle.fold_in_order(facts, plant.configured)
    digests, tally = set(), {"deliveries": 0, "stitches": 0}
    for number in range(replays):
        dice = random.Random(f"{seed} {number}")
        style = STYLES[number % len(STYLES)]
        with scratch(facts) as plant:
            replayed = Replay(plant, facts, dice, style)
            replayed.run()
            digests.add(_digest(rows_stored(plant)))
            found = _differences(plant, facts, wanted) + replayed.problems()
        tally = {name: count + getattr(replayed, name) for name, count in tally.items()}
        verdict.broken += [f"replay {number} ({style}): {problem}" for problem in found[:3]]
    caught = {name: _caught(control, facts, wanted, seed) for name, control in CONTROLS.items()}
    verdict.broken += [f"control not noticed: {name}" for name, noticed in caught.items() if not noticed]
    verdict.counts |= {"replays": replays, **tally, "rows": sum(map(len, wanted.values()))}
    verdict.broken += _elsewhere_differs(facts, seed, hours)
    verdict.counts |= {
        "hosts": len(HOSTS),
        "digests": len(digests),
        "controls": f"{sum(caught.values())}/{len(caught)}",
    }
    return verdict


@contextmanager
def scratch(facts: History) -> Iterator[Plant]:
    """The same empty plant each time: whatever is written is rolled back."""
    with transaction.atomic():
        yield plant_make(facts)
        transaction.set_rollback(True)


def _counts(facts: History) -> dict[str, object]:
    said = [fact for fact in facts.of(Said) if isinstance(fact, Said)]
    samples = len({fact.key for fact in said})
    return {"samples": samples, "repeated": len(said) - samples, "gaps": len(facts.of(Lost)) // 2}


def _digest(rows: oracle.Rows) -> str:
    return hashlib.sha256(repr(sorted(rows.items())).encode()).hexdigest()


def folded(seed: int, hours: float) -> str:
    """Digest of one replay of a history: what a process on another host prints."""
    facts = history(seed, hours=hours)
    with scratch(facts) as plant:
        Replay(plant, facts, random.Random(f"{seed} host"), "shuffled").run()
        return _digest(rows_stored(plant))


def _elsewhere_differs(facts: History, seed: int, hours: float) -> list[str]:
    """The same in processes with another zone and another seed of hashes. Each tells a hash of its own, to
    show that its seed was heard.
    """
    with scratch(facts) as plant:
        Replay(plant, facts, random.Random(f"{seed} host"), "in order").run()
        digests, hashes = {_digest(rows_stored(plant))}, set()
    for zone, hashed in HOSTS:
        environment = {**os.environ, "TZ": zone, "PYTHONHASHSEED": hashed, "DATABASE_URL": database_url()}
        code = f"from tests.chaos import host; host.tell({seed}, {hours})"
        ended = subprocess.run(
            [sys.executable, "-c", code],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
            timeout=300 + 600 * hours,
        )
        digest, told = ended.stdout.split()[-2:]
        digests.add(digest)
        hashes.add(told)
    broken = ["rows depend on the host's zone or on the seed of hashes"] * (len(digests) != 1)
    return broken + ["the seed of hashes was not heard"] * (len(hashes) != len(HOSTS))


def _differences(plant: Plant, facts: History, wanted: oracle.Rows) -> list[str]:
    """Against the in-order fold, the generator's pieces and the definition of states."""
    found = []
    stored = rows_stored(plant)
    for table, rows in wanted.items():
        missing, more = sorted(set(rows) - set(stored[table])), sorted(set(stored[table]) - set(rows))
        if missing or more or len(rows) != len(stored[table]):
            found.append(f"{table}: missing {missing[:2]}, instead {more[:2]}")
    for (machine, role), pieces in facts.pieces.items():
        if (counted := pieces_stored(plant, machine, role)) != pieces:
            found.append(f"{machine} {role}: {counted} pieces, truly {pieces}")
    for machine in PLANT:
        if "state" in PLANT[machine]:
            truly, told = oracle.seconds_by_state(facts, machine), seconds_stored(plant, machine)
            if truly != told:
                found.append(f"{machine}: {told} by state, truly {truly}")
    return found


# -- controls: what the proof must notice -------------------------------------------------------------------


def _read_in_order_of(key: Callable[[SampleRow], Any]) -> Callable[..., list[Any]]:
    """``samples_folded`` without its order."""

    def read(
        *, read_ids: list[int], heard_ids: list[int], start: Any, end: Any, ahead: Any, **_: Any
    ) -> list[Any]:
        found = connectors.samples_between(signal_ids=[*read_ids, *heard_ids], start=start, end=end)
        kept = [row for row in found if row.source_time <= row.arrival_time + ahead]
        return [
            (row.source_time, row.signal_id, row.value, row.quality == 2 or row.value is None)
            for row in sorted(kept, key=key)
        ]

    return read


CONTROLS: dict[str, AbstractContextManager[Any]] = {
    "folds in order of arrival": patch.object(
        connectors, "samples_folded", _read_in_order_of(lambda row: row.arrival_time)
    ),
    "takes values of one instant in order of arrival": patch.object(
        connectors, "samples_folded", _read_in_order_of(lambda row: (row.source_time, row.arrival_time))
    ),
    "goes on where it was, whatever came late": patch.object(
        Refold, "in_order", lambda self, dirty: self.checkpoint is not None
    ),
}


def _caught(control: AbstractContextManager[Any], facts: History, wanted: oracle.Rows, seed: int) -> bool:
    for style in ("late", "shuffled"):
        try:
            with control, scratch(facts) as plant:
                Replay(plant, facts, random.Random(f"{seed} control"), style).run()
                if _differences(plant, facts, wanted):
                    return True
        except (Error, AssertionError):
            # The database refused rows that overlap, or the account did not close.
            return True
    return False
