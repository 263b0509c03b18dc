"""Protocol peers on loopback, each private to its test."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asyncua import Server, ua

from connectors.interface import Connector, SampleBatch
from connectors.transports.deadline import bounded

NAMESPACE = "urn:test:plant"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Mosquitto:
    """A private broker; ``stop`` and ``start`` again on the same port, with its queue kept on disk."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        configuration = self.folder / "mosquitto.conf"
        configuration.write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence true\n"
            f"persistence_location {self.folder}/\nmax_queued_messages 0\nmax_inflight_messages 1000\n"
            f"log_dest file {self.folder}/log\nuser root\n"
        )
        self.process = subprocess.Popen([program, "-c", str(configuration)])
        deadline = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise RuntimeError("mosquitto did not start")
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(10)
            self.process = None


@contextlib.contextmanager
def mosquitto(folder: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(folder, free_port())
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


@contextlib.asynccontextmanager
async def opcua_server(
    port: int,
    nodes: dict[str, Any],
    *,
    history: bool = False,
    secure: Callable[[Server], Awaitable[None]] | None = None,
    users: Any = None,
) -> AsyncIterator[Server]:
    """An OPC UA server with one writable variable per name, all under namespace ``urn:test:plant``."""
    server = Server(user_manager=users)
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    if secure is not None:
        await secure(server)
    index = await server.register_namespace(NAMESPACE)
    for name, value in nodes.items():
        variable = await server.nodes.objects.add_variable(
            ua.NodeId.from_string(f"ns={index};s={name}"), name, value
        )
        await variable.set_writable()
    async with server:
        if history:
            for name in nodes:
                await server.historize_node_data_change(
                    server.get_node(ua.NodeId.from_string(f"ns={index};s={name}")), count=10_000
                )
        yield server


def node(server: Server, name: str) -> Any:
    return server.get_node(f"ns=2;s={name}")


def address(name: str) -> str:
    return f"nsu={NAMESPACE};s={name}"


async def collect(
    connector: Connector, until: Callable[[list[SampleBatch]], bool], *, seconds: float = 20.0
) -> list[SampleBatch]:
    """Batches of one session, acknowledged as they come, until the condition holds."""

    batches: list[SampleBatch] = []

    async def work() -> None:
        async with contextlib.aclosing(connector.batches()) as stream:  # type: ignore[type-var]
            async for batch in stream:
                batches.append(batch)
                await connector.acknowledge(batch)
                if until(batches):
                    return

    await bounded(work(), seconds)
    return batches


def values(batches: list[SampleBatch], address: str) -> list[Any]:
    return [sample.value for batch in batches for sample in batch.samples if sample.address == address]
