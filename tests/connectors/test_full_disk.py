"""A full disk under the spool: nothing is acknowledged, nothing is lost, and it heals by itself."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors import spool as spool_module
from connectors.models import SignalSample, Watermark
from connectors.spool import Spool, SpoolBroken, SpoolFull
from mom.health import Status, check_disk
from tests.connectors.peers import Mosquitto
from tests.connectors.stack import database_url, stack, wait_until
from tests.connectors.test_mqtt import Publisher
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import line_make

MB = 1024 * 1024


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, of 24 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "none", place], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(disk: Path, *, leave: int = 0) -> Path:
    """Something else takes all the room but ``leave`` bytes."""
    found = os.statvfs(disk)
    ballast = disk / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, found.f_bavail * found.f_frsize - leave)
    return ballast


async def append_until_full(spool: Spool) -> dict[int, bytes]:
    kept: dict[int, bytes] = {}
    with contextlib.suppress(SpoolFull):
        while True:
            samples = os.urandom(20_000)
            kept[await spool.append("c", arrived=1, samples=samples)] = samples
    return kept


def held(spool: Spool) -> dict[int, bytes]:
    return {entry.sequence: entry.samples for entry in spool.after("c", 0, limit=10_000)}


async def test_a_spool_on_a_full_disk_refuses_keeps_all_it_took_and_takes_again(disk: Path) -> None:
    spool = Spool(disk / "s.sqlite")
    kept = await append_until_full(spool)
    with pytest.raises(SpoolFull, match="no room on the disk"):
        await spool.append("c", arrived=1, samples=b"x")
    assert held(spool) == kept
    gone = sorted(kept)[: len(kept) // 2]
    await spool.confirm(gone)
    assert held(spool) == {number: kept[number] for number in sorted(kept)[len(gone) :]}
    await spool.confirm(sorted(kept)[len(gone) :])
    for _ in range(10):
        # What the spool itself took from the disk is given back step by step, as a runner's ticks do.
        await spool.alive(datetime.now(UTC), ["c"])
    again = await spool.append("c", arrived=1, samples=b"again")
    assert again > max(kept), "no number is used twice"
    assert held(spool) == {again: b"again"}
    spool.close()


async def test_a_spool_opened_on_a_full_disk_still_holds_what_was_said_to_be_safe(disk: Path) -> None:
    spool = Spool(disk / "s.sqlite")
    kept = await append_until_full(spool)
    spool.close()
    ballast = fill(disk)
    spool = Spool(disk / "s.sqlite")
    assert held(spool) == kept
    with pytest.raises(SpoolFull):
        await spool.append("c", arrived=1, samples=b"x")
    ballast.unlink()
    fill(disk, leave=MB).unlink()
    await spool.confirm(kept)
    assert held(spool) == {}
    spool.close()


async def test_a_disk_that_fails_rather_than_fills_ends_the_spool(
    disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = Spool(disk / "s.sqlite")
    monkeypatch.setattr(spool_module.sqlite3, "SQLITE_FULL", -1)
    with pytest.raises(SpoolBroken):
        await append_until_full(spool)
    spool.close()


@pytest.mark.django_db(transaction=True)
def test_a_runner_waits_out_a_full_disk_and_says_so(
    disk: Path, tmp_path: Path, broker: Mosquitto, settings: Any
) -> None:
    line = line_make(1)
    mapping = {"topic": "plant/{equipment}/{signal}", "value": "v", "number": "n"}
    config = {"broker": "$MQTT_URL", "client_id": "mom", "mappings": [mapping]}
    made = connection_make(line.site, slug="mqtt", config=config)
    signal_make(line.unit, "M1/text", connection=made)
    settings.DATA_DIR = disk
    with stack(tmp_path, database=database_url(), mqtt=broker.url) as running:
        running.environment["MOM_DATA_DIR"] = str(disk)
        worker, runner = running.worker(), running.runner("--all")
        wait_until(Watermark.objects.exists, seconds=60, what="first watermark")
        worker.kill()
        worker.wait()
        ballast = fill(disk, leave=MB)
        publisher, texts = Publisher(broker), [f"{n} {os.urandom(4000).hex()}" for n in range(1200)]
        for number, text in enumerate(texts):
            publisher.send("plant/M1/text", {"v": text, "n": number})
        wait_until(lambda: "no room on the disk" in running.log("runner"), seconds=60, what="a word of it")
        assert check_disk().status is Status.FAIL
        assert "acknowledge" in check_disk().cause
        running.worker()
        ballast.unlink()
        stored = SignalSample.objects.values_list("v_text", flat=True)
        wait_until(lambda: stored.count() >= len(texts), seconds=60, what=f"{stored.count()} of {len(texts)}")
        assert sorted(map(str, stored)) == sorted(texts)
        assert runner.poll() is None, "the runner went on"
        wait_until(lambda: "acknowledge" not in check_disk().cause, seconds=30, what="healed")
        publisher.stop()
