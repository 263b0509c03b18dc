"""A small TCP proxy on loopback that can hurt what passes: cut, half-open, delay, throttle, truncate.

    with Proxy(broker_port) as proxy:
        …connect to proxy.port…
        proxy.cut()                                  # RST to both sides of every connection
        proxy.swallow(); …; proxy.heal()             # half-open: everything accepted, nothing passes
        proxy.delay(0.2); proxy.throttle(10_000); proxy.truncate(500)

It runs in a thread of its own with its own event loop, so a test may drive it from a thread or from asyncio
alike: every call returns at once and holds for what passes from then on. It ends with the ``with`` block, or
by itself after ``lasting`` seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from typing import Any

CHUNK = 65_536
NO_LINGER = struct.pack("ii", 1, 0)


class Proxy:
    """From ``port`` (chosen) to ``target`` (a port of loopback); at most ``most`` connections at once."""

    def __init__(self, target: int, *, lasting: float = 600.0, most: int = 64) -> None:
        self.target, self._lasting, self._most = target, lasting, most
        self.port = 0
        # Connections ever taken; bytes passed to the server, passed back, and swallowed
        self.taken = self.passed = self.returned = self.swallowed = 0
        self._refusing = self._swallowing = False
        self._delay = self._rate = 0.0
        self._left: int | None = None
        self._connections: set[_Connection] = set()
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name=f"proxy to {target}", daemon=True)

    def __enter__(self) -> Proxy:
        self._thread.start()
        if not self._ready.wait(10) or self._failure is not None:
            raise RuntimeError(f"the proxy to {self.target} did not start") from self._failure
        return self

    def __exit__(self, *_: object) -> None:
        self._call(lambda: self._stopped.set())
        self._thread.join(10)

    # -- what can be done to it ------------------------------------------------------------

    def heal(self) -> None:
        """Everything passes again. Connections that lost bytes meanwhile are reset, as a network would."""
        self._refusing = self._swallowing = False
        self._delay = self._rate = 0.0
        self._left = None
        self._call(lambda: self._reset(damaged=True))

    def cut(self, *, refuse: bool = False) -> None:
        """Resets every connection; with ``refuse`` also every new one until ``heal``."""
        self._refusing = refuse
        self._call(self._reset)

    def swallow(self) -> None:
        """Half-open: connections stay and are taken, what they send disappears, nobody is told."""
        self._swallowing = True

    def delay(self, seconds: float) -> None:
        self._delay = seconds

    def throttle(self, bytes_per_second: float) -> None:
        """Each direction of each connection by itself."""
        self._rate = bytes_per_second

    def truncate(self, after: int) -> None:
        """``after`` more bytes pass, in all, then every connection is reset in the middle of what it says."""
        self._left = after

    # -- its thread ------------------------------------------------------------

    def _call(self, work: Any) -> None:
        with contextlib.suppress(RuntimeError):  # ended already
            self._loop.call_soon_threadsafe(work)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        server = await asyncio.start_server(self._took, "127.0.0.1", 0)
        self.port = int(server.sockets[0].getsockname()[1])
        self._ready.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._lasting):
                await self._stopped.wait()
        server.close()
        self._reset()

    async def _took(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        made = _Connection(self, writer)
        try:
            if self._refusing or len(self._connections) >= self._most:
                return
            self._connections.add(made)
            with contextlib.suppress(OSError):
                await made.run(reader)
        finally:
            self._connections.discard(made)
            made.reset()

    def _reset(self, *, damaged: bool = False) -> None:
        for connection in list(self._connections):
            if connection.damaged or not damaged:
                connection.reset()

    async def pass_on(self, data: bytes, connection: _Connection, writer: asyncio.StreamWriter) -> bool:
        """False when the connection ends here."""
        if self._delay:
            await asyncio.sleep(self._delay)
        if self._swallowing or connection.damaged:
            connection.damaged = True
            self.swallowed += len(data)
            return True
        if self._left is not None:
            data = data[: self._left]
            self._left -= len(data)
        writer.write(data)
        await writer.drain()
        if self._rate:
            await asyncio.sleep(len(data) / self._rate)
        if self._left == 0:
            self._reset()
            return False
        return True

    @property
    def chunk(self) -> int:
        """So small under ``throttle`` that bytes flow rather than jump."""
        return max(1, min(CHUNK, int(self._rate / 20))) if self._rate else CHUNK


class _Connection:
    def __init__(self, proxy: Proxy, client: asyncio.StreamWriter) -> None:
        self._proxy = proxy
        self._writers = [client]
        self.damaged = False

    async def run(self, reader: asyncio.StreamReader) -> None:
        answers, server = await asyncio.open_connection("127.0.0.1", self._proxy.target)
        self._writers.append(server)
        await asyncio.gather(self._pump(reader, server), self._pump(answers, self._writers[0], back=True))

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, back: bool = False
    ) -> None:
        while data := await reader.read(self._proxy.chunk):
            if not await self._proxy.pass_on(data, self, writer):
                return
            if back:
                self._proxy.returned += len(data)
            else:
                self._proxy.passed += len(data)
        # A half-close passes on; the other direction may still have something to say
        if writer.can_write_eof() and not self.damaged:
            with contextlib.suppress(OSError):
                writer.write_eof()

    def reset(self) -> None:
        """RST, not FIN: nobody may take it for a polite end."""
        for writer in self._writers:
            sock = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                if sock is not None and sock.fileno() >= 0:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
            writer.transport.abort()
