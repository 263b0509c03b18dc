"""An OPC UA server (asyncua's) that writes so many items so many times a second, in a process of its own.

How many values it wrote so far stands in the first eight bytes of ``--written``.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from pathlib import Path

from asyncua import ua

from tests.connectors.peers import opcua_server

YIELD = 20


async def _serve(port: int, items: int, hz: float, written: int) -> None:
    names = [f"v{number}" for number in range(items)]
    async with opcua_server(port, dict.fromkeys(names, 0.0)) as server:
        nodes = [ua.NodeId.from_string(f"ns=2;s={name}") for name in names]
        print("ready", flush=True)
        begun, said = time.monotonic(), 0
        while True:
            said += 1
            for number, node in enumerate(nodes):
                if number % YIELD == 0:
                    # Writing never waits: whoever publishes would not have a turn
                    await asyncio.sleep(0)
                value = ua.Variant(said * 0.5, ua.VariantType.Double)
                await server.write_attribute_value(node, ua.DataValue(value))
            os.pwrite(written, (said * items).to_bytes(8, "little"), 0)
            await asyncio.sleep(max(0.0, begun + said / hz - time.monotonic()))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--items", type=int, required=True)
    parser.add_argument("--hz", type=float, required=True)
    parser.add_argument("--written", type=Path, required=True)
    options = parser.parse_args()
    written = os.open(options.written, os.O_WRONLY | os.O_CREAT)
    asyncio.run(_serve(options.port, options.items, options.hz, written))


if __name__ == "__main__":
    main()
