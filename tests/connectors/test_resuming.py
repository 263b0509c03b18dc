"""What a process that dies leaves behind for the next: from when on nobody listened."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import pytest

from connectors.domain.columns import Columns
from connectors.domain.outage import Outage
from connectors.interface import ConnectorConfig, Probe, SampleBatch
from connectors.runner import Runner
from connectors.spool import Spool, SpoolFull
from plant.domain.samples import Sample

NEVER = 3600.0


@dataclass(frozen=True, kw_only=True)
class _Config(ConnectorConfig):
    pass


class _Source:
    """Says one value as soon as it is followed, then nothing."""

    slug: ClassVar[str] = "one"
    config_class: ClassVar[type[ConnectorConfig]] = _Config
    met: ClassVar[list[datetime | None]] = []

    def __init__(self, config: _Config) -> None:
        self._config = config
        self.met.append(config.resume_from)

    async def probe(self) -> Probe:
        return Probe(server="")

    async def batches(self) -> AsyncIterator[SampleBatch]:
        since = self._config.resume_from
        lost = since and Outage("one").lost(since, "process_down")
        now = datetime.now(UTC)
        columns = Columns.of([Sample("a", now, 1)], arrival_time=int(now.timestamp() * 1e6))
        yield SampleBatch(samples=columns, gaps=[lost] if lost else [], messages=1)
        await asyncio.Event().wait()

    async def acknowledge(self, batch: SampleBatch) -> None:
        pass


class _Nobody:
    """A broker without workers: nothing is ever confirmed."""

    async def send_ingest(
        self, spool: str, connection: str, batches: list[list[Any]], *, again: bool = False
    ) -> None:
        pass

    async def send_tick(self, watermarks: dict[str, str]) -> None:
        pass

    async def send_report(self, spool: str, report: dict[str, Any]) -> None:
        pass

    async def answers(self, spool: str, wait: float) -> list[dict[str, Any]]:
        await asyncio.sleep(NEVER)
        return []


async def _followed(spool: Spool, until: Callable[[], bool], *, tick: float = NEVER) -> None:
    async def wanted() -> list[dict[str, Any]]:
        return [{"slug": "s", "protocol": "one", "config": {}, "addresses": [], "revision": 1}]

    task = asyncio.create_task(Runner(spool, _Nobody(), wanted, tick_seconds=tick).run(asyncio.Event()))
    async with asyncio.timeout(10):
        while not until():
            await asyncio.sleep(0.01)
    # As a kill would: no drain, no goodbye
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


@pytest.fixture(autouse=True)
def _one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.runner.connector_class", lambda protocol: _Source)
    monkeypatch.setattr(_Source, "met", [])


async def test_a_process_killed_before_its_first_tick_still_leaves_its_dead_time_on_record(
    tmp_path: Path,
) -> None:
    began = datetime.now(UTC)
    spool = Spool(tmp_path / "spool")
    await _followed(spool, lambda: len(spool) > 0)
    spool.close()
    spool = Spool(tmp_path / "spool")
    await _followed(spool, lambda: bool(spool.open_gaps("s")))
    (gap,) = spool.open_gaps("s")
    assert gap.cause == "process_down"
    assert began <= gap.start_time <= datetime.now(UTC)
    assert _Source.met == [None, gap.start_time]
    spool.close()


async def test_while_the_disk_is_full_a_connection_does_not_count_as_heard(tmp_path: Path) -> None:
    """The dead time of the process before is not safe yet: forgetting when it began would lose it."""
    spool = Spool(tmp_path / "spool")
    long_ago = datetime(2026, 1, 1, tzinfo=UTC)
    await spool.alive(long_ago, ["s"])
    spool.limit = 1
    ticks = 0
    alive = spool.alive

    async def counted(at: datetime, connections: Any) -> None:
        nonlocal ticks
        ticks += 1
        await alive(at, connections)

    spool.alive = counted  # type: ignore[method-assign]
    await _followed(spool, lambda: ticks > 20, tick=0.01)
    assert spool.last_alive("s") == long_ago
    spool.close()


async def test_a_disk_too_full_for_a_sign_of_life_ends_nothing_and_promises_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool, alive, refused = Spool(tmp_path / "spool"), Spool.alive, 0
    told: list[dict[str, str]] = []

    async def full(self: Spool, at: datetime, connections: Any) -> None:
        nonlocal refused
        if refused < 5:
            refused += 1
            raise SpoolFull("no room")
        await alive(self, at, connections)

    async def tick(self: _Nobody, watermarks: dict[str, str]) -> None:
        assert refused == 5, "told as complete before it was written"
        told.append(watermarks)

    monkeypatch.setattr(Spool, "alive", full)
    monkeypatch.setattr(_Nobody, "send_tick", tick)
    monkeypatch.setattr("connectors.runner.NO_ROOM_WAIT", 0.01)
    await _followed(spool, lambda: len(told) > 0, tick=0.01)
    assert told[0].keys() == {"s"}
    spool.close()
