"""Job control (OPC 10031-4): orders sent to a machine, and which it works on since when.

The machine is a server in a process of its own, so nothing of its types is known here but what it tells.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import pytest

from connectors.domain.job_control import Job, Response, errors_of, orders_over_time, state_of
from connectors.interface import ConfigurationError, Unavailable
from connectors.protocols.opcua import OpcUaConfig, OpcUaConnector
from connectors.protocols.opcua.derived import Derived, derived
from mom.embedded import process
from tests.connectors.job_machine import CANNOT, NO_ERROR, PROVIDER, RECEIVER, UNKNOWN, URI, WRONG_STATE
from tests.connectors.peers import collect, free_port
from tests.connectors.stack import ROOT

JOBS = f"jobs;nsu={URI};{PROVIDER}"
T0 = datetime(2026, 3, 2, 6, tzinfo=UTC)
ORDER = Job(
    code="PO-7",
    name="Yoghurt",
    product="SKU-1",
    product_name="Yoghurt 125 g",
    quantity=Decimal("1200.500"),
    unit="pcs",
    start=T0,
    end=T0 + timedelta(hours=2),
    priority=3,
)


@dataclass
class JobMachine:
    port: int
    child: subprocess.Popen[str]
    heard: bytes = b""

    @property
    def config(self) -> OpcUaConfig:
        return OpcUaConfig(
            endpoint=f"opc.tcp://127.0.0.1:{self.port}/",
            security="none",
            publishing_ms=50.0,
            job_receiver=f"nsu={URI};{RECEIVER}",
            addresses=(JOBS,),
        )

    def says(self) -> str:
        """Its next line, read past Python's buffer: a line that waits in there is one no ``select`` sees."""
        assert self.child.stdout is not None
        while b"\n" not in self.heard:
            assert select.select([self.child.stdout], [], [], 60)[0], "the machine says nothing"
            read = os.read(self.child.stdout.fileno(), 4096)
            assert read, "the machine has ended"
            self.heard += read
        line, _, self.heard = self.heard.partition(b"\n")
        return line.decode().strip()

    def obey(self, line: str) -> None:
        assert self.child.stdin is not None
        self.child.stdin.write(line + "\n")
        self.child.stdin.flush()
        assert self.says() == "done"

    def command(self, verb: str, job: Job = ORDER) -> int:
        return asyncio.run(OpcUaConnector.job_command(self.config, verb, job, "because"))


Made = TypeVar("Made", bound=JobMachine)


@contextlib.contextmanager
def started(kind: type[Made], command: Sequence[str | Path], **places: str) -> Iterator[Made]:
    """A machine in a process of its own, which takes its port as the last word and says when it is ready."""
    port = free_port()
    child = subprocess.Popen(
        [*command, str(port)],
        cwd=ROOT,
        env={**os.environ, **places},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        made = kind(port, child)
        assert made.says() == "ready"
        yield made
    finally:
        process.kill_session(child.pid)
        child.wait(10)
        child.stdin.close()  # type: ignore[union-attr]
        child.stdout.close()  # type: ignore[union-attr]


@contextlib.contextmanager
def job_machine(*options: str, module: str = "job_machine") -> Iterator[JobMachine]:
    command = [sys.executable, "-u", "-m", f"tests.connectors.{module}", *options]
    with started(JobMachine, command) as made:
        yield made


@pytest.fixture(scope="module")
def machine() -> Iterator[JobMachine]:
    with job_machine() as running:
        yield running


def test_an_order_arrives_whole_and_a_machine_says_what_it_refuses(machine: JobMachine) -> None:
    assert machine.command("store") == NO_ERROR
    assert machine.says() == "took PO-7 SKU-1 1200.5 pcs 3 2026-03-02T06:00:00+00:00"
    assert machine.command("store") == CANNOT
    assert machine.command("start") == NO_ERROR
    assert machine.command("pause") == WRONG_STATE
    assert machine.command("revoke_start") == NO_ERROR
    assert machine.command("update", replace(ORDER, quantity=Decimal(1300), start=None)) == NO_ERROR
    assert machine.says() == "took PO-7 SKU-1 1300 pcs 3 -"
    assert machine.command("cancel") == NO_ERROR
    assert machine.command("cancel") == UNKNOWN


def test_what_cannot_be_sent_is_said(machine: JobMachine) -> None:
    elsewhere = replace(machine.config, job_receiver="nsu=urn:elsewhere;s=x")
    with pytest.raises(Unavailable, match="not at this server"):
        asyncio.run(OpcUaConnector.job_command(elsewhere, "store", ORDER))
    wrong = replace(machine.config, job_receiver=f"nsu={URI};{PROVIDER}")
    with pytest.raises(Unavailable, match="no method StoreAndStart"):
        asyncio.run(OpcUaConnector.job_command(wrong, "store_and_start", ORDER))
    with pytest.raises(ConfigurationError):
        asyncio.run(OpcUaConnector.job_command(replace(machine.config, job_receiver=""), "store", ORDER))
    with pytest.raises(ConfigurationError):
        OpcUaConnector(replace(machine.config, job_receiver="Receiver"))


def test_the_order_at_work_is_told_at_the_machine_s_own_times(machine: JobMachine) -> None:
    for code in ("PO-1", "PO-2"):
        assert machine.command("store_and_start", replace(ORDER, code=code)) == NO_ERROR
        assert machine.says().startswith(f"took {code}")
    before = datetime.now(UTC) - timedelta(hours=1)
    at = [before + timedelta(minutes=minute) for minute in (0, 20, 30, 50)]
    machine.obey(f"begin PO-1 {at[0].isoformat()}")
    # Ended while nobody listened: the list still tells
    machine.obey(f"end PO-1 {at[1].isoformat()}")
    later = [
        (f"begin PO-2 {at[2].isoformat()}", "PO-2", at[2]),
        ("interrupt PO-2", "PO-2", at[2]),
        (f"end PO-2 {at[3].isoformat()}", "", at[3]),
    ]

    def step(batches: list[Any]) -> bool:
        if (told := timeline(batches)) and told[-1] == expected[-1]:
            if not later:
                return True
            line, code, since = later.pop(0)
            expected.append((since, code))
            machine.obey(line)
        return False

    expected = [(at[1], "")]
    batches = asyncio.run(collect(OpcUaConnector(machine.config), step, seconds=60))
    assert timeline(batches) == [(at[0], "PO-1"), (at[1], ""), (at[2], "PO-2"), (at[3], "")]


def timeline(batches: list[Any]) -> list[tuple[datetime, Any]]:
    """What is in force since when: of one instant what was told last."""
    told = {s.source_time: s.value for batch in batches for s in batch.samples}
    line = sorted(told.items())
    before = ["", *(value for _, value in line)]
    return [(at, value) for (at, value), last in zip(line, before, strict=False) if value != last]


def test_words_and_numbers_of_the_specification() -> None:
    assert derived(JOBS) == Derived("jobs", f"nsu={URI};{PROVIDER}", "")
    assert errors_of(NO_ERROR) == []
    assert [str(error.text) for error in errors_of(UNKNOWN | CANNOT)] == [
        "the machine does not know the order",
        "the machine cannot accept the order",
    ]
    assert len(errors_of(0)) == len(errors_of(1 << 40)) == 1
    assert state_of("NotAllowedToStart", 0) == "not_allowed_to_start"
    assert state_of("Läuft", 3) == "running"
    assert state_of("Loaded", 9) == ""


def test_of_orders_at_work_together_the_one_begun_last_is_told() -> None:
    at = [T0 + timedelta(minutes=minute) for minute in range(4)]
    told = [
        Response("A", "ended", at[0], at[3]),
        Response("B", "aborted", at[1], at[2]),
        Response("C", "allowed_to_start", at[0], None),
        Response("D", "", at[0], None),
    ]
    assert orders_over_time(told) == [(at[0], "A"), (at[1], "B"), (at[2], "A"), (at[3], "")]
    assert orders_over_time(reversed(told)) == orders_over_time(told)
    assert orders_over_time([Response("A", "interrupted", at[0], at[2])]) == [(at[0], "A")]
    assert orders_over_time([]) == []
