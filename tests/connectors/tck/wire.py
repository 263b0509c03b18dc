"""What a client really sends its broker: a TCP proxy that passes bytes on and reads the packets in them."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

CONNECT, PUBLISH, PUBACK, SUBSCRIBE, DISCONNECT = 1, 3, 4, 8, 14


@dataclass(frozen=True)
class Packet:
    """``link``: which connection through the proxy; ``at``: steady seconds when it passed."""

    link: int
    kind: int
    at: float
    said: dict[str, Any]


class Reader:
    """Fields of one packet, in order."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.place = raw, 0

    def take(self, count: int) -> bytes:
        self.place += count
        return self.raw[self.place - count : self.place]

    def byte(self) -> int:
        return self.take(1)[0]

    def two(self) -> int:
        return int(struct.unpack(">H", self.take(2))[0])

    def chunk(self) -> bytes:
        return self.take(self.two())

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    def properties(self, version: int) -> bytes:
        return self.take(self.varint()) if version == 5 else b""


def _connect(body: Reader) -> dict[str, Any]:
    body.chunk()
    version, flags = body.byte(), body.byte()
    body.two()
    properties = body.properties(version)
    said: dict[str, Any] = {"version": version, "clean": bool(flags & 2), "properties": properties}
    said["client_id"] = body.chunk().decode()
    if flags & 4:
        body.properties(version)
        said["will"] = {
            "topic": body.chunk().decode(),
            "payload": body.chunk(),
            "qos": flags >> 3 & 3,
            "retain": bool(flags & 32),
        }
    return said


def _publish(flags: int, body: Reader, version: int) -> dict[str, Any]:
    said: dict[str, Any] = {"topic": body.chunk().decode(), "qos": flags >> 1 & 3, "retain": bool(flags & 1)}
    if said["qos"]:
        body.two()
    body.properties(version)
    return {**said, "payload": body.raw[body.place :]}


def _subscribe(body: Reader, version: int) -> dict[str, Any]:
    body.two()
    body.properties(version)
    topics = []
    while body.place < len(body.raw):
        topics.append((body.chunk().decode(), body.byte() & 3))
    return {"topics": topics}


def packets_in(raw: bytearray) -> Iterator[tuple[int, bytes]]:
    """(first byte, body) of every whole packet, taken out of ``raw``."""
    while len(raw) >= 2:
        head = Reader(bytes(raw[:5]))
        try:
            first, length = head.byte(), head.varint()
        except IndexError:
            return
        if len(raw) < head.place + length:
            return
        yield first, bytes(raw[head.place : head.place + length])
        del raw[: head.place + length]


@dataclass
class Tap:
    """Listens on ``port``, passes on to ``target``; ``cut()`` resets every connection without a goodbye."""

    target: int
    packets: list[Packet] = field(default_factory=list)
    # Topics the broker has passed on to the client
    passed: list[str] = field(default_factory=list)

    def __enter__(self) -> Tap:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()
        return self

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def __exit__(self, *exception: object) -> None:
        # close() alone would leave accept() waiting
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        for thread in self._threads:
            thread.join(5)

    def cut(self) -> None:
        for pair in self._pairs:
            for end in pair:
                with contextlib.suppress(OSError):
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    end.shutdown(socket.SHUT_RDWR)
                end.close()
        self._pairs.clear()

    def _accept(self) -> None:
        link = 0
        while True:
            try:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self.target), 5)
            except OSError:
                return
            server.settimeout(None)
            self._pairs.append((client, server))
            for source, sink, seen in ((client, server, link), (server, client, None)):
                thread = threading.Thread(target=self._pass, args=(source, sink, seen), daemon=True)
                self._threads.append(thread)
                thread.start()
            link += 1

    def _pass(self, source: socket.socket, sink: socket.socket, link: int | None) -> None:
        raw, version = bytearray(), 4
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                raw += data
                for first, body in packets_in(raw):
                    if link is not None:
                        version = self._keep(link, first, body, version)
                    elif first >> 4 == PUBLISH:
                        self.passed.append(Reader(body).chunk().decode())
                sink.sendall(data)
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _keep(self, link: int, first: int, body: bytes, version: int) -> int:
        kind, reader = first >> 4, Reader(body)
        said: dict[str, Any] = {}
        if kind == CONNECT:
            said = _connect(reader)
            version = said["version"]
        elif kind == PUBLISH:
            said = _publish(first & 15, reader, version)
        elif kind == SUBSCRIBE:
            said = _subscribe(reader, version)
        elif kind == PUBACK:
            said = {"mid": reader.two()}
        self.packets.append(Packet(link, kind, time.monotonic(), said))
        return version
