"""``python -m tests.chaos.opcua_source PORT LEDGER TAGS HZ FIRST KEPT``: an OPC UA server on loopback that
writes down every value before it takes it, and what it was asked to forget.

Tag by tag, ``HZ`` times a second, an integer that only grows, from FIRST on. A line of the ledger is
``tag value source_time`` (µs). The first KEPT tags have a history. On its input ``forget`` drops every
session and subscription; the end of its input ends it.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from asyncua import Server, ua
from asyncua.common.node import Node

from connectors.domain.columns import EPOCH
from mom.embedded.lifeline import follow_parent

NAMESPACE = "urn:test:proof"


async def main(port: int, ledger: str, tags: int, hz: float, first: int, kept: int) -> None:
    server = Server()
    await server.init()
    server.set_endpoint(f"opc.tcp://127.0.0.1:{port}/")
    server.set_security_policy([ua.SecurityPolicyType.NoSecurity])
    index = await server.register_namespace(NAMESPACE)
    nodes = []
    for tag in range(tags):
        name = ua.NodeId.from_string(f"ns={index};s=T{tag}")
        nodes.append(await server.nodes.objects.add_variable(name, f"T{tag}", first, ua.VariantType.Int64))
    async with server:
        for node in nodes[:kept]:
            await server.historize_node_data_change(node, count=100_000)
        print("ready", flush=True)
        asked = asyncio.create_task(_commands(server))
        await _write(server, nodes, os.open(ledger, os.O_WRONLY | os.O_CREAT | os.O_APPEND), hz, first, asked)


async def _write(
    server: Server, nodes: list[Node], book: int, hz: float, first: int, asked: asyncio.Task[None]
) -> None:
    value, due = first, time.monotonic()
    while not asked.done():
        value, due = value + 1, due + 1 / hz
        now = time.time_ns() // 1000
        times = [now + tag for tag in range(len(nodes))]
        os.write(book, "".join(f"{tag} {value} {at}\n" for tag, at in enumerate(times)).encode())
        os.fdatasync(book)
        for node, at in zip(nodes, times, strict=True):
            said: Any = EPOCH + timedelta(microseconds=at)
            noted: Any = datetime.now(UTC)
            variant = ua.Variant(value, ua.VariantType.Int64)
            data = ua.DataValue(variant, SourceTimestamp=said, ServerTimestamp=noted)
            await server.write_attribute_value(node.nodeid, data)
        await asyncio.sleep(max(0.0, due - time.monotonic()))


async def _commands(server: Server) -> None:
    while line := await asyncio.to_thread(sys.stdin.readline):
        if line.strip() == "forget":
            service = server.iserver.subscription_service
            clients = [number for number, one in service.subscriptions.items() if one.pub_request_callback]
            await service.delete_subscriptions(clients)
            for session in list(server.iserver._external_sessions.values()):
                await session.close_session(True)


if __name__ == "__main__":
    follow_parent(signal.SIGKILL)
    port, ledger, *numbers = sys.argv[1:]
    tags, hz, first, kept = numbers
    asyncio.run(main(int(port), ledger, int(tags), float(hz), int(first), int(kept)))
