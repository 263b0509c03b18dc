"""Hostile input crashes and stalls nothing: every parser takes it or refuses it with a reason to act on.

Golden inputs are made wrong by seeded dice: bits, cuts, splices, lengths, nesting, repetition, numbers and
texts no machine sends. Each input may take 250 ms of processor time and 64 MB, give values or a typed
refusal that says where and why, and what came of it must be storable: refused ones in quarantine. Controls:
a quadratic expression, an allocation as large as the input says, a KeyError, an empty reason, one that
vanishes.
"""

from __future__ import annotations

import argparse
import gc
import random
import re
import resource
import signal
import time
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from tests.chaos import fuzz_bugs, fuzz_kept, readers_files, readers_messages, readers_plans
from tests.chaos.reading import Reader, Reading
from tests.chaos.verdict import Verdict

DATABASE = "durable"
SLOWEST, LARGEST = 0.25, 64 * 1024 * 1024
READERS = [*readers_messages.READERS, *readers_files.READERS, *readers_plans.READERS]
# Of those read, this share goes on into the database
KEPT = 0.01
STALLED = 10.0
ROOM = 1024 * 1024 * 1024
LONGEST_REASON = 2000
_EXCEPTION = re.compile(r"^\W*\w*(Error|Exception|Interrupt)\b|\[Errno|\bsys\.")


class Stalled(BaseException):
    """More processor time than any parser has a reason to take."""


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="fuzz")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--inputs", type=int, default=20_000, help="for each parser")
    parser.add_argument("--only", default="", help="parsers whose name holds this")
    parser.add_argument("--told", action="store_true", help="print each parser's counts and slowest")
    read = parser.parse_args(options)
    verdict = Verdict("fuzz", read.seed)
    with _bounded():
        for reader in READERS:
            if read.only in reader.name:
                found = fuzzed(reader, seed=read.seed, inputs=max(20, int(read.inputs * reader.share)))
                verdict.broken += [f"{reader.name}: {problem}" for problem in found.problems]
                verdict.counts[reader.name] = found.told
                if read.told:
                    print(f"{reader.name:<10} {found.told} {dict(found.reasons.most_common(5))}", flush=True)
        controls = fuzz_bugs.BUGS if not read.only else []
        missed = [bug.name for bug in controls if not noticed(bug, read.seed)]
    verdict.broken += [f"control not noticed: {name}" for name in missed]
    verdict.counts["controls"] = f"{len(controls) - len(missed)}/{len(controls)}"
    return verdict


def noticed(bug: fuzz_bugs.Bug, seed: int) -> bool:
    """By what must notice it, not by anything at all."""
    reader = next(one for one in READERS if one.name == bug.reader)
    take_out = bug.put_in()
    try:
        found = fuzzed(reader, seed=seed, inputs=3000, enough=1, wanted=bug.noticed_by)
    finally:
        take_out()
    return bool(found.problems)


@dataclass
class Found:
    inputs: int = 0
    taken: int = 0
    refused: int = 0
    kept: int = 0
    slowest: float = 0.0
    most: int = 0
    problems: list[str] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def told(self) -> str:
        spent = f"{self.slowest * 1000:.0f}ms,{self.most // 2**20}MB"
        return f"{self.inputs}({self.taken}+{self.refused}refused,{self.kept}kept,{spent})"


def fuzzed(reader: Reader, *, seed: int, inputs: int, enough: int = 10, wanted: str = "") -> Found:
    """Ends after ``enough`` problems (that hold ``wanted``): one fault shows in thousands of inputs."""
    found = Found()
    for number in range(inputs):
        dice = random.Random(f"{seed} {reader.name} {number}")
        made = reader.make(dice)
        keep = not wanted and dice.random() < max(KEPT, 20 / inputs)
        problems = [problem for problem in judged(reader, made, found, keep=keep) if wanted in problem]
        found.problems += [f"input {number}: {problem}" for problem in problems[:2]]
        if len(found.problems) >= enough:
            break
    return found


def judged(reader: Reader, made: Any, found: Found, *, keep: bool) -> list[str]:
    """What is wrong with the reading of one input."""
    found.inputs += 1
    run = reader.begin(made)
    try:
        reading, seconds, grown = _measured(run)
    except Exception as error:
        return [f"crash: {type(error).__name__}: {str(error)[:200]}"]
    except Stalled:
        return [f"slow: more than {STALLED:g} s"]
    problems = []
    if seconds > SLOWEST:
        # Alone, and again: another process may have had the caches
        seconds = min(seconds, *(_measured(reader.begin(made))[1] for _ in range(2)))
        if seconds > SLOWEST:
            problems.append(f"slow: {seconds * 1000:.0f} ms")
    if grown > LARGEST // 2:
        grown = max(_traced(reader.begin(made)), _measured(reader.begin(made))[2])
        if grown > LARGEST:
            problems.append(f"large: {grown / 2**20:.0f} MB")
    found.slowest, found.most = max(found.slowest, seconds), max(found.most, grown)
    found.taken += reading.taken
    found.refused += len(reading.refused)
    found.reasons.update(re.sub(r"\d+|'.*'", "…", why)[:60] for _, why in reading.refused[:5])
    problems += _unsaid(reading)
    if not reading.taken and not reading.refused and not reader.says_nothing(made):
        problems.append("vanished: neither values nor a refusal")
    if keep and not problems:
        found.kept += 1
        problems += reader.keep(made) if reader.keep else fuzz_kept.kept(reading)
    return problems


def _unsaid(reading: Reading) -> list[str]:
    """Refusals nobody could act on."""
    problems = []
    for where, why in reading.refused:
        if not where.strip():
            problems.append(f"reason: does not say where: {why[:80]!r}")
        elif len(why.split()) < 2 or _EXCEPTION.search(why):
            problems.append(f"reason: says nothing: {where[:40]!r}: {why[:80]!r}")
        elif len(why) > LONGEST_REASON:
            problems.append(f"reason: {len(why)} characters, which nobody reads: {why[:60]!r}")
    return problems[:1]


# -- measuring ----------------------------------------------------------------------------------------------


@contextmanager
def _bounded() -> Iterator[None]:
    """A parser that asks for all memory gets a MemoryError, not the machine; one that never ends is ended."""
    before = resource.getrlimit(resource.RLIMIT_AS)
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + ROOM, before[1]))
    handler = signal.signal(signal.SIGPROF, _stalled)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, handler)
        resource.setrlimit(resource.RLIMIT_AS, before)


def _stalled(_number: int, _frame: FrameType | None) -> None:
    raise Stalled


def _measured(run: Callable[[], Reading]) -> tuple[Reading, float, int]:
    """What it read, the processor time of this thread, and how much more memory was in use at its worst."""
    _peak_forget()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gc.disable()
    signal.setitimer(signal.ITIMER_PROF, STALLED)
    began = time.thread_time()
    try:
        reading = run()
        seconds = time.thread_time() - began
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        gc.enable()
    return reading, seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024


def _peak_forget() -> None:
    """The highest memory in use is counted from here on; where the system cannot, from the start."""
    try:
        with open("/proc/self/clear_refs", "wb", buffering=0) as file:
            file.write(b"5")
    except OSError:
        pass


def _traced(run: Callable[[], Reading]) -> int:
    """Peak as Python counts it, which knows nothing of what the allocator kept from before."""
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
