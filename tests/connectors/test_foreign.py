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
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from connectors.protocols.opcua import OpcUaConfig, OpcUaConnector
from plant.domain.samples import Quality
from tests.connectors.peers import Mosquitto, collect, free_port, values
from tests.connectors.test_sparkplug import Following, connector

pytestmark = pytest.mark.foreign
HERE = Path(__file__).parent / "foreign"
KEPT = Path(tempfile.gettempdir()) / f"mom-foreign-{os.getuid()}"


@contextlib.contextmanager
def _installed(name: str, install: Callable[[Path], None]) -> Iterator[Path]:
    """The folder of an installation, made by the first who needs it; others wait."""
    folder = KEPT / name
    folder.mkdir(parents=True, exist_ok=True)
    with (KEPT / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "installed").exists():
            install(folder)
            (folder / "installed").touch()
    yield folder


def _install_pysparkplug(folder: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True, timeout=120)
    subprocess.run([folder / "venv/bin/pip", "install", "-q", "pysparkplug==0.6.1"], check=True, timeout=300)


def _install_node_opcua(folder: Path) -> None:
    (folder / "package.json").write_text('{"name": "peer", "private": true}')
    command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "node-opcua-server@2"]
    subprocess.run(command, cwd=folder, check=True, timeout=600)


async def test_an_unmodified_pysparkplug_edge_is_followed_from_birth_to_death(broker: Mosquitto) -> None:
    with _installed("pysparkplug", _install_pysparkplug) as folder:
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


async def test_an_unmodified_node_opcua_server_is_read() -> None:
    if shutil.which("npm") is None:
        pytest.fail("npm is missing: install Node.js to run node-opcua")
    port = free_port()
    with _installed("node-opcua", _install_node_opcua) as folder:
        environment = {
            **os.environ,
            "NODE_PATH": str(folder / "node_modules"),
            "XDG_CONFIG_HOME": str(folder),
        }
        server = subprocess.Popen(
            ["node", HERE / "opcua_server.js", str(port)],
            env={**environment, "HOME": str(folder)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            await asyncio.to_thread(_wait_ready, server)
            names = ("Count", "State", "Broken", "Absent")
            addresses = {name: f"nsu=urn:foreign:machine;s={name}" for name in names}
            made = OpcUaConnector(
                OpcUaConfig(
                    endpoint=f"opc.tcp://127.0.0.1:{port}/machine",
                    security="none",
                    publishing_ms=100.0,
                    sampling_ms=10.0,
                    addresses=tuple(addresses.values()),
                )
            )
            told = False

            def seen(batches: list) -> bool:  # type: ignore[type-arg]
                nonlocal told
                if not told and values(batches, addresses["Count"]):
                    told = True
                    assert server.stdin is not None
                    server.stdin.write("go\n")
                    server.stdin.flush()
                return values(batches, addresses["State"])[-1:] == ["execute"]

            got = await collect(made, seen, seconds=40)
        finally:
            server.kill()
            server.wait()
    counts = values(got, addresses["Count"])
    assert counts == sorted(set(counts))
    assert counts[-1] == 50
    # The server grants the sampling interval it likes
    assert len(counts) > 10
    broken = [sample for batch in got for sample in batch.samples if sample.address == addresses["Broken"]]
    assert [sample.quality for sample in broken] == [Quality.BAD]
    assert not [gap for batch in got for gap in batch.gaps]


def _wait_ready(server: subprocess.Popen[str]) -> None:
    assert server.stdout is not None
    for line in server.stdout:
        if line.strip() == "ready":
            return
    raise AssertionError("the node-opcua server ended before it was ready")
