"""Job control against a stranger's stack with the OPC Foundation's own nodeset (npm node-opcua)."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.protocols.opcua import OpcUaConfig, OpcUaConnector
from tests.connectors.peers import collect, values
from tests.connectors.test_foreign import HERE, node_opcua_installed
from tests.connectors.test_opcua_jobs import ORDER, JobMachine, started

pytestmark = pytest.mark.foreign
OURS = "nsu=urn:foreign:jobs"
JOBS = f"jobs;{OURS};s=Results"


class Foreign(JobMachine):
    def says(self) -> str:
        """Its next line; what node-opcua notes for itself begins with the time."""
        while re.match(r"\d\d:\d\d:\d\d", line := super().says()):
            pass
        return line

    @property
    def config(self) -> OpcUaConfig:
        return OpcUaConfig(
            endpoint=f"opc.tcp://127.0.0.1:{self.port}/machine",
            security="none",
            publishing_ms=50.0,
            job_receiver=f"{OURS};s=Orders",
            addresses=(JOBS,),
        )


@contextlib.contextmanager
def foreign(*options: str) -> Iterator[Foreign]:
    with node_opcua_installed() as folder:
        places = {
            "NODE_PATH": str(folder / "node_modules"),
            "XDG_CONFIG_HOME": str(folder),
            "HOME": str(folder),
        }
        with started(Foreign, ["node", HERE / "job_server.js", *options], **places) as made:
            yield made


def test_the_foundation_s_own_types_are_written_and_read() -> None:
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
    end = start + timedelta(minutes=5)
    with foreign() as machine:
        assert machine.command("store_and_start") == 1
        told = "took PO-7 SKU-1 1200.5 pcs 3 2026-03-02T06:00:00.000Z Yoghurt because"
        assert machine.says() == told
        assert machine.command("store_and_start") == 1 << 4
        assert machine.command("cancel", replace(ORDER, code="none")) == 1 << 1
        machine.obey(f"Running PO-7 {start.isoformat()}")

        def until(batches: list[Any]) -> bool:
            if values(batches, JOBS) == ["PO-7"]:
                machine.obey(f"Ended PO-7 {end.isoformat()}")
            return len(values(batches, JOBS)) == 2

        batches = asyncio.run(collect(OpcUaConnector(machine.config), until, seconds=60))
    samples = [sample for batch in batches for sample in batch.samples]
    assert [(one.value, one.source_time) for one in samples] == [("PO-7", start), ("", end)]


def test_its_events_tell_where_it_has_no_list_and_answers_nothing() -> None:
    """Of a type of its own below the standard's, which is abstract."""
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
    lines = [f"Running PO-7 {start.isoformat()}", f"Ended PO-7 {(start + timedelta(minutes=5)).isoformat()}"]
    with foreign("listless") as machine:
        assert machine.command("store_and_start") == 1
        machine.says()

        def until(batches: list[Any]) -> bool:
            came = len(values(batches, JOBS))
            if lines and came == 2 - len(lines):
                machine.obey(lines.pop(0))
            return came == 2

        batches = asyncio.run(collect(OpcUaConnector(machine.config), until, seconds=60))
    samples = [sample for batch in batches for sample in batch.samples]
    assert [(one.value, one.source_time) for one in samples] == [
        ("PO-7", start),
        ("", start + timedelta(minutes=5)),
    ]
    # That a lost one would stay lost is said, once
    (said,) = [one.reason for batch in batches for one in batch.malformed]
    assert "does not say what became of orders" in said
