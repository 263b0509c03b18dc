"""Whatever an edge node does with seq, bdSeq and aliases, the host keeps what was said and declares the rest.

Random histories of one edge node: births, deaths with right and wrong bdSeq, devices, aliases given anew in
every session, messages lost, late and out of order. A model that knows what the edge truly did says what must
come out: which values, in which order, which gaps, which births asked for. What is said into a dead link lies
in a gap. Controls: seven faults put in.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

from connectors.domain import sparkplug_session, sparkplug_values
from connectors.domain.columns import instant
from connectors.domain.outage import in_scope
from connectors.domain.sparkplug_messages import Message, Metric, Outcome
from connectors.domain.sparkplug_node import Rules
from connectors.domain.sparkplug_session import Host
from tests.chaos.verdict import Verdict

DATABASE = "none"
SECOND = 1_000_000
RULES = Rules(reorder_timeout=2 * SECOND, cooldown=10 * SECOND)
REBIRTH = "Node Control/Rebirth"
METRICS = ("a", "b", "c")
STEPS = ("birth", "session", "death", "wrong", "device", "ddeath", "data", "data", "data", "ddata", "ddata")
FAULTS = ("lose", "late", "swap", "wait", "lost host")


def prove(options: list[str]) -> Verdict:
    parser = argparse.ArgumentParser(prog="sparkplug")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    parser.add_argument("--histories", type=int, default=10_000)
    read = parser.parse_args(options)
    return sparkplug_proof(seed=read.seed, histories=read.histories)


def sparkplug_proof(*, seed: int, histories: int) -> Verdict:
    verdict = Verdict("sparkplug", seed, {"histories": histories})
    tally = {"messages": 0, "values": 0, "gaps": 0, "rebirths": 0}
    for number in range(histories):
        played = Play(random.Random(f"{seed} {number}"))
        verdict.broken += [f"history {number}: {problem}" for problem in played.run()[:2]]
        tally = {name: count + played.counts[name] for name, count in tally.items()}
        if len(verdict.broken) > 5:
            break
    caught = {name: _caught(control(), seed) for name, control in CONTROLS.items()}
    verdict.broken += [f"control not noticed: {name}" for name, noticed in caught.items() if not noticed]
    verdict.counts |= {**tally, "controls": f"{sum(caught.values())}/{len(caught)}"}
    return verdict


@dataclass
class Edge:
    """What the edge truly is: it numbers its messages, and its metrics anew in every session."""

    dice: random.Random
    seq: int = 0
    bd_seq: int = 0
    number: int = 0
    answers: bool = True
    unique: bool = True
    aliases: dict[tuple[str, str], int] = field(default_factory=dict)

    def names(self, device: str) -> None:
        """Once in a session: another one may number otherwise."""
        if (device, METRICS[0]) in self.aliases:
            return
        others = {alias for (owner, _), alias in self.aliases.items() if owner != device}
        taken = others if self.unique else set()
        free = self.dice.sample(sorted(set(range(12)) - taken), len(METRICS))
        for name, alias in zip(METRICS, free, strict=True):
            self.aliases[device, name] = alias

    def next_seq(self) -> int:
        self.seq = (self.seq + 1) & 255
        return self.seq

    def next_value(self) -> int:
        self.number += 1
        return self.number


@dataclass
class Model:
    """What a host must hold to be true, told by what reached it, message by message."""

    online: bool = False
    answers: bool = False
    bd_seq: int | None = None
    expected: int | None = None
    devices: dict[str, bool] = field(default_factory=dict)
    tables: dict[str, dict[int, str]] = field(default_factory=dict)
    held: list[tuple[Message, int]] = field(default_factory=list)
    values: list[tuple[str, int]] = field(default_factory=list)
    jumps: int = 0
    unread: int = 0
    # Instants at which births had to be wanted, cool-down or not
    wanted: list[int] = field(default_factory=list)

    def hears(self, message: Message, now: int) -> None:
        if message.kind == "NBIRTH":
            self.surrender(now)
            self.online, self.bd_seq = True, int(message.metrics[0].value)
            self.answers = any(metric.name == REBIRTH for metric in message.metrics)
            self.expected = ((message.seq or 0) + 1) & 255
            self.devices, self.tables = {}, {}
            self.born(message)
        elif message.kind == "NDEATH":
            if self.online and message.metrics[0].value == self.bd_seq:
                self.surrender(now)
                self.online, self.devices, self.tables = False, {}, {}
        elif not self.online:
            self.unread += 1
            self.wanted.append(now)
        elif message.seq == self.expected:
            self.takes(message, now)
            self.drain(now)
        else:
            self.held.append((message, now))

    def takes(self, message: Message, now: int) -> None:
        self.expected = ((message.seq or 0) + 1) & 255
        if message.kind == "DBIRTH":
            self.devices[message.device] = True
            self.born(message)
        elif message.kind == "DDEATH":
            self.devices.pop(message.device, None)
        elif message.device and message.device not in self.devices:
            self.unread += 1
            self.wanted.append(now)
        else:
            for metric in message.metrics:
                name = self.tables[message.device][metric.alias or 0]
                self.values.append((self.address(message.device, name), int(metric.value)))

    def born(self, message: Message) -> None:
        said = [metric for metric in message.metrics if metric.name in METRICS]
        self.tables[message.device] = {metric.alias or 0: metric.name for metric in said}
        self.values += [(self.address(message.device, m.name), int(m.value)) for m in said]

    def drain(self, now: int) -> None:
        while found := [held for held in self.held if held[0].seq == self.expected]:
            self.held.remove(found[0])
            self.takes(found[0][0], now)

    def surrender(self, now: int) -> None:
        """What was waited for did not come: a gap, and what did come is taken in the order it was sent."""
        if self.held:
            first = self.expected or 0
            held = sorted(self.held, key=lambda held: ((held[0].seq or 0) - first) & 255)
            after = [first, *(((message.seq or 0) + 1) & 255 for message, _ in held)]
            self.jumps += sum(
                message.seq != next_one for (message, _), next_one in zip(held, after, strict=False)
            )
            for message, _ in held:
                if self.answers and ((message.seq or 0) - first) & 255 >= 128:
                    self.unread += 1
                else:
                    self.takes(message, now)
            self.held = []

    def waits(self, now: int) -> None:
        if self.held and now - self.held[0][1] >= RULES.reorder_timeout:
            first = self.expected or 0
            missed = any(((message.seq or 0) - first) & 255 >= 128 for message, _ in self.held)
            self.surrender(now)
            self.wanted.append(now)
            if missed and self.answers:
                self.online, self.devices, self.tables = False, {}, {}

    def loses_broker(self, now: int) -> None:
        if self.online:
            self.surrender(now)
        self.online, self.devices, self.tables = False, {}, {}

    @staticmethod
    def address(device: str, name: str) -> str:
        return f"G/E/{device}:{name}" if device else f"G/E:{name}"


class Play:
    """One history: the edge acts, some of it reaches host and model alike, then they are compared."""

    def __init__(self, dice: random.Random) -> None:
        self.dice, self.model = dice, Model()
        self.edge = Edge(dice, answers=dice.random() < 0.8, unique=dice.random() < 0.5)
        self.host, self.out = Host(RULES), Outcome()
        self.now = 1_700_000_000 * SECOND
        self.waiting: list[Message] = []
        self.messages = 0
        self.asked: list[int] = []
        # (address, instant) of what was said into a link that was dead already
        self.unheard: list[tuple[str, int]] = []

    @property
    def counts(self) -> dict[str, int]:
        out = self.out
        gaps, values = len(out.gaps), len(out.samples)
        return {"messages": self.messages, "values": values, "gaps": gaps, "rebirths": len(self.asked)}

    def run(self) -> list[str]:
        for _ in range(self.dice.randint(5, 60)):
            step = self.dice.choice(STEPS)
            if step == "session":
                self.leave()
            message = self.made(step)
            fault = self.dice.choice(FAULTS) if self.dice.random() < 0.15 else ""
            if fault == "late":
                self.waiting.append(message)
            elif fault != "lose":
                self.deliver(message)
            if self.waiting and (fault == "swap" or self.dice.random() < 0.5):
                self.deliver(self.waiting.pop())
            if fault == "wait":
                self.tick(self.dice.choice([1.0, 2.5, 15.0]))
            if fault == "lost host":
                self.broker_lost()
        self.tick(60)
        return self.problems()

    def leave(self) -> None:
        """A session ends with its will, which is not lost; nothing of it comes later."""
        self.deliver(self.made("death"))
        self.waiting.clear()
        self.edge.bd_seq = (self.edge.bd_seq + 1) & 255
        self.edge.aliases = {}

    def made(self, step: str) -> Message:
        edge = self.edge
        if step in ("birth", "session"):
            edge.seq = 0
            return self.message("NBIRTH", 0, born=True)
        if step in ("death", "wrong"):
            said = edge.bd_seq if step == "death" else (edge.bd_seq + 7) & 255
            return self.raw("NDEATH", None, "", [Metric("bdSeq", None, 0, 8, said)])
        device = self.dice.choice(["D1", "D2"]) if step != "data" else ""
        kind = {"device": "DBIRTH", "ddeath": "DDEATH", "data": "NDATA", "ddata": "DDATA"}[step]
        return self.message(kind, edge.next_seq(), device, born=step == "device")

    def message(self, kind: str, seq: int, device: str = "", *, born: bool = False) -> Message:
        edge = self.edge
        if born:
            edge.names(device)
        metrics = [Metric("bdSeq", None, 0, 8, edge.bd_seq)] if kind == "NBIRTH" else []
        if metrics and edge.answers:
            metrics.append(Metric(REBIRTH, None, 0, 11, False))
        known = [name for name in METRICS if (device, name) in edge.aliases]
        said = METRICS if born else self.dice.sample(known, min(len(known), self.dice.randint(1, 3)))
        for name in () if kind == "DDEATH" else said:
            alias = edge.aliases[device, name]
            metrics.append(Metric(name if born else "", alias, 0, 4, edge.next_value()))
        return self.raw(kind, seq, device, metrics)

    def raw(self, kind: str, seq: int | None, device: str, metrics: list[Metric]) -> Message:
        self.messages += 1
        return Message(kind, "G", "E", device, 0, seq, metrics, 0, f"{self.messages}".encode())

    def deliver(self, message: Message) -> None:
        self.now += 1000
        heard = replace(message, arrival=self.now)
        # Past half the numbers a late one cannot be told from the next round: the host gives up, so do we
        if len(self.model.held) >= 100:
            self.tick(3)
        self.model.hears(heard, self.now)
        self.host.feed(heard, self.out)
        self.note()

    def tick(self, seconds: float) -> None:
        self.now += int(seconds * SECOND)
        self.model.waits(self.now)
        self.host.tick(self.now, self.out)
        self.note()

    def broker_lost(self) -> None:
        """At times half-open before: of what is said then only a gap can tell."""
        heard = self.now
        for _ in range(self.dice.randint(0, 4) if self.model.online else 0):
            self.now += self.dice.randint(1000, 8 * SECOND)
            device = self.dice.choice(["", *self.model.devices])
            self.unheard.append((self.model.address(device, METRICS[0]), self.now))
        self.now += 1000
        self.model.loses_broker(self.now)
        self.host.transport_lost(self.now, self.out, since=heard)
        self.host.transport_restored(self.now, self.out)
        self.note()

    def note(self) -> None:
        self.asked += [self.now] * (len(self.out.rebirths) - len(self.asked))

    def problems(self) -> list[str]:
        found = []
        said = [(sample.address, sample.value) for sample in self.out.samples]
        if said != self.model.values:
            place = next(
                (i for i, (x, y) in enumerate(zip(said, self.model.values, strict=False)) if x != y), -1
            )
            found.append(f"{len(said)} values, truly {len(self.model.values)}; first differs at {place}")
        jumps = sum(gap.cause == "seq_jump" for gap in self.out.gaps)
        if jumps != self.model.jumps:
            found.append(f"{jumps} jumps declared, truly {self.model.jumps}")
        unread = [u for u in self.out.unreadable if "NDEATH" not in u.reason]
        if len(unread) != self.model.unread:
            found.append(f"{len(unread)} kept unread, truly {self.model.unread}")
        if self.model.online != bool(self.host.online()):
            found.append(f"online {self.host.online()}, truly {self.model.online}")
        return [*found, *self.gaps_wrong(), *self.silence_wrong(), *self.rebirths_wrong()]

    def silence_wrong(self) -> list[str]:
        last = {gap.key: gap for gap in self.out.gaps}.values()
        for address, at in self.unheard:
            begun = [gap for gap in last if in_scope(address, gap.scope) and gap.start_time <= instant(at)]
            if not any(gap.end_time is None or instant(at) <= gap.end_time for gap in begun):
                return [f"{address} was said into a dead link and is in no gap"]
        return []

    def gaps_wrong(self) -> list[str]:
        """Every gap is opened once and closed once, and a node that is away has one open."""
        opened: dict[Any, str] = {}
        for gap in self.out.gaps:
            if gap.cause == "seq_jump":
                continue
            if gap.end_time is None:
                if gap.key in opened or gap.scope in opened.values():
                    return [f"opened twice: {gap.scope}"]
                opened[gap.key] = gap.scope
            elif opened.pop(gap.key, None) is None:
                return [f"closed, never opened: {gap.scope}"]
        away = "G/E:" in opened.values()
        known = self.model.bd_seq is not None or self.model.unread > 0
        return [f"gap of the node open: {away}"] if away != (known and not self.model.online) else []

    def rebirths_wrong(self) -> list[str]:
        """Wanted: asked at once or when the cool-down is over, unless a birth came first."""
        close = [b - a for a, b in zip(self.asked, self.asked[1:], strict=False) if b - a < RULES.cooldown]
        reconnects = sum(rebirth.reason == "host reconnected" for rebirth in self.out.rebirths)
        if len(close) > reconnects:
            return ["births asked for without keeping the distance"]
        if self.model.wanted and not self.asked:
            return ["births never asked for"]
        return []


# -- controls: what the proof must notice -------------------------------------------------------------------


def _nothing_forgotten(self: Any) -> None:
    return None


def _no_hold(self: Host, node: Any, message: Message, out: Outcome) -> None:
    self._apply(node, message, out)


def _any_death(self: Host, node: Any, message: Message, out: Outcome) -> None:
    if node.online:
        self._flush(node, out)
        self._go_offline(node, message.arrival, "death_to_birth", out)


def _silent_jump(self: Host, node: Any, out: Outcome) -> str:
    for message in node.buffer:
        self._apply(node, message, out)
    node.buffer, node.deadline = [], None
    return "seq jump"


def _never_asks(self: Host, node: Any, reason: str, now: int, out: Outcome) -> None:
    return None


def _as_noticed(self: Host, at: int, out: Outcome, *, link: int = 0, since: int | None = None) -> None:
    _LOST(self, at, out, link=link)


def _one_table(node: Any, message: Message, out: Outcome) -> None:
    """Aliases by node alone, the last birth's last: what a device leaves behind is another's name."""
    _LEARN(node, message, out)
    for table in node.tables.values():
        table.aliases.update(node.tables[message.device].aliases)


_LEARN, _LOST = sparkplug_values.learn, Host.transport_lost
CONTROLS: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    "keeps devices over a birth": lambda: patch.object(sparkplug_session.Node, "forget", _nothing_forgotten),
    "takes every message as it comes": lambda: patch.object(Host, "_hold", _no_hold),
    "believes any death": lambda: patch.object(Host, "_node_death", _any_death),
    "does not declare what was lost": lambda: patch.object(Host, "_flush", _silent_jump),
    "never asks for births": lambda: patch.object(Host, "_want", _never_asks),
    "begins a gap when the loss was noticed": lambda: patch.object(Host, "transport_lost", _as_noticed),
    "one alias table for all devices": lambda: patch.object(sparkplug_session, "learn", _one_table),
}


def _caught(control: AbstractContextManager[Any], seed: int) -> bool:
    with control:
        return any(Play(random.Random(f"{seed} control {number}")).run() for number in range(200))
