"""A stranger's programs, unmodified, on the other side of the wire; each installed once per machine."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.interface import Unavailable
from connectors.protocols.opcua import OpcUaConfig, OpcUaConnector, trust, verifying
from connectors.protocols.opcua.session import UaSession
from plant.domain.samples import Quality
from tests.chaos.proxy import Proxy
from tests.connectors.peers import Mosquitto, collect, free_port, values
from tests.connectors.test_opcua_items import running
from tests.connectors.test_sparkplug import Following, connector

pytestmark = pytest.mark.foreign
MACHINE = "nsu=urn:foreign:machine"
HERE = Path(__file__).parent / "foreign"
KEPT = Path(tempfile.gettempdir()) / f"mom-foreign-{os.getuid()}"
PYSPARKPLUG, NODE_OPCUA = "pysparkplug==0.6.1", "node-opcua-server@2.182.2"


@contextlib.contextmanager
def _installed(what: str, install: Callable[[Path], None]) -> Iterator[Path]:
    """The folder of a program of this version, installed by the first who needs it; others wait."""
    folder = KEPT / what
    folder.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            try:
                install(folder)
            except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
                pytest.skip(f"{what} cannot be installed on this machine: {error}")
            (folder / "installed").touch()
    yield folder


def pysparkplug() -> contextlib.AbstractContextManager[Path]:
    def install(folder: Path) -> None:
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, timeout=120)
        subprocess.run([folder / "venv/bin/pip", "install", "-q", PYSPARKPLUG], check=True, timeout=300)

    return _installed(PYSPARKPLUG, install)


def node_opcua_installed() -> contextlib.AbstractContextManager[Path]:
    if shutil.which("npm") is None:
        pytest.skip("npm is missing: node-opcua is installed by it and runs on Node.js")

    def install(folder: Path) -> None:
        (folder / "package.json").write_text('{"name": "peer", "private": true}')
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--save-exact", NODE_OPCUA]
        subprocess.run(command, cwd=folder, check=True, timeout=600)

    return _installed(NODE_OPCUA, install)


async def test_an_unmodified_pysparkplug_edge_is_followed_from_birth_to_death(broker: Mosquitto) -> None:
    with pysparkplug() as folder:
        following = Following(connector(broker))
        await following.until(lambda: following.batches)
        edge = subprocess.Popen([folder / "venv/bin/python", HERE / "pysparkplug_edge.py", str(broker.port)])
        try:
            await following.until(lambda: "é" in values(following.batches, "F/E:Label"), seconds=30)
            await asyncio.to_thread(edge.wait, 30)
            await following.until(lambda: following.gaps() or following.batches[-1].malformed, seconds=10)
        finally:
            edge.kill()
            await following.stop()
    assert edge.returncode == 0
    assert values(following.batches, "F/E:Count") == list(range(301))
    assert values(following.batches, "F/E:Speed") == [0.5] + [number / 2 for number in range(1, 301)]
    assert values(following.batches, "F/E/D:State") == [0] + [-number for number in range(1, 301)]
    assert values(following.batches, "F/E:On") == [True, False]
    assert not [gap for gap in following.gaps() if gap[0] == "seq_jump"]


@contextlib.asynccontextmanager
async def node_opcua(*options: str) -> AsyncIterator[tuple[subprocess.Popen[str], int]]:
    """The server of npm ``node-opcua-server``, ready, and its port."""
    port = free_port()
    with node_opcua_installed() as folder:
        environment = {
            **os.environ,
            "NODE_PATH": str(folder / "node_modules"),
            "XDG_CONFIG_HOME": str(folder),
        }
        server = subprocess.Popen(
            ["node", HERE / "opcua_server.js", str(port), *options],
            env={**environment, "HOME": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            await asyncio.to_thread(_wait_ready, server)
            yield server, port
        finally:
            server.kill()
            server.wait()


def machine(port: int, *names: str, **changes: Any) -> OpcUaConnector:
    settings = {"security": "none", "publishing_ms": 100.0, "sampling_ms": 10.0, **changes}
    addresses = tuple(f"{MACHINE};s={name}" for name in names)
    return OpcUaConnector(
        OpcUaConfig(endpoint=f"opc.tcp://127.0.0.1:{port}/machine", addresses=addresses, **settings)
    )


async def test_an_unmodified_node_opcua_server_is_read() -> None:
    async with node_opcua() as (server, port):
        told = False

        def seen(batches: list) -> bool:  # type: ignore[type-arg]
            nonlocal told
            if not told and values(batches, f"{MACHINE};s=Count"):
                told = True
                tell(server, "go")
            return values(batches, f"{MACHINE};s=State")[-1:] == ["execute"]

        got = await collect(machine(port, "Count", "State", "Broken", "Absent"), seen, seconds=40)
    counts = values(got, f"{MACHINE};s=Count")
    assert counts == sorted(set(counts))
    assert counts[-1] == 50
    # The server grants the sampling interval it likes
    assert len(counts) > 10
    broken = [s for batch in got for s in batch.samples if s.address == f"{MACHINE};s=Broken"]
    assert [sample.quality for sample in broken] == [Quality.BAD]
    assert not [gap for batch in got for gap in batch.gaps]


async def test_the_history_of_node_opcua_keeps_the_servers_times() -> None:
    """It writes picoseconds behind the source's time, which asyncua reads as a part of the server's."""
    start = datetime.now(UTC)
    async with node_opcua("recording") as (server, port):
        tell(server, "go 20 10")
        got = await collect(
            machine(port, "Count", resume_from=start),
            lambda batches: any(gap.end_time for batch in batches for gap in batch.gaps),
            seconds=40,
        )
    old = [sample for batch in got for sample in batch.samples if sample.historical]
    assert old
    for sample in old:
        assert sample.server_time is not None
        assert abs(sample.server_time - sample.source_time) < timedelta(minutes=1)


async def test_node_opcua_is_asked_which_items_it_watches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its GetMonitoredItems is its own: every item we made must be in its answer."""
    listed: list[set[int] | None] = []
    ask = verifying._listed

    async def noted(session: UaSession) -> set[int] | None:
        listed.append(await ask(session))
        return listed[-1]

    monkeypatch.setattr(verifying, "_listed", noted)
    async with node_opcua() as (_, port):
        await collect(machine(port, "Count", "State"), lambda got: bool(values(got, f"{MACHINE};s=State")))
    (handles,) = listed
    assert handles is not None
    assert len(handles) == 3, "two values and the server's clock"


async def test_node_opcua_is_read_encrypted_with_a_password_once_it_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOM_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("PLC_PASSWORD", "s3cret")
    encrypted = {"security": "sign_and_encrypt", "username": "mom", "password_env": "PLC_PASSWORD"}
    async with node_opcua("encrypted") as (_, port):
        with pytest.raises(Unavailable, match="not trusted yet"):
            await machine(port, "Count", **encrypted).probe()
        (waiting,) = trust.pki().rejected.iterdir()
        waiting.rename(trust.pki().trusted / waiting.name)
        found = await machine(port, "Count", **encrypted).probe()
        assert [sample.value for sample in found.samples] == [0]
        monkeypatch.setenv("PLC_PASSWORD", "wrong")
        with pytest.raises(Unavailable):
            await machine(port, "Count", **encrypted).probe()


def tell(server: subprocess.Popen[str], line: str) -> None:
    assert server.stdin is not None
    server.stdin.write(f"{line}\n")
    server.stdin.flush()


@pytest.mark.parametrize(
    ("kind", "forgets"),
    [("", False), ("", True), ("refusing", True)],
    ids=["reactivates the session", "transfers the subscription", "refuses the transfer"],
)
async def test_node_opcua_is_cut_off_in_three_ways(kind: str, forgets: bool) -> None:
    """What it published into a dead channel and what it queued meanwhile come after all, or are a gap."""
    address = f"{MACHINE};s=Count"
    async with node_opcua(*filter(None, [kind])) as (server, port):
        with Proxy(port) as proxy:
            async with running(machine(proxy.port, "Count", "State")) as follower:

                def counts() -> list[int]:
                    return values(follower.batches, address)

                await follower.until(lambda: counts() == [0], seconds=40)
                tell(server, "go 20 150")
                await follower.until(lambda: counts()[-1] >= 3)
                proxy.swallow()
                await asyncio.sleep(0.5)
                proxy.cut(refuse=True)
                if forgets:
                    tell(server, "forget")
                await asyncio.sleep(0.5)
                proxy.heal()
                await follower.until(
                    lambda: values(follower.batches, f"{MACHINE};s=State")[-1:] == ["execute"], seconds=40
                )
                await follower.until(lambda: counts()[-1] == 20)
                if kind:
                    await follower.until(lambda: any(gap.end_time for gap in follower.gaps()))
    missing = set(range(21)) - set(counts())
    assert len(counts()) == len(set(counts()))
    if kind:
        assert missing
        opened, closed = follower.gaps()
        assert (opened.key, opened.cause, closed.recovered) == (closed.key, "connection_down", "")
    else:
        assert not missing
        assert follower.gaps() == []


def _wait_ready(server: subprocess.Popen[str]) -> None:
    assert server.stdout is not None
    for line in server.stdout:
        if line.strip() == "ready":
            return
    raise AssertionError("the node-opcua server ended before it was ready")
