"""The proxy does to a connection what each of its words says, and ends."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from tests.chaos.proxy import Proxy


class _Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        with contextlib.suppress(OSError):
            while data := self.request.recv(65_536):
                self.request.sendall(data)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with _Server(("127.0.0.1", 0), _Echo) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Proxy(server.server_address[1], lasting=60) as made:
            yield made
        server.shutdown()


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=30)


def echoed(client: socket.socket, data: bytes) -> bytes:
    client.sendall(data)
    found = b""
    while len(found) < len(data):
        more = client.recv(65_536)
        if not more:
            break
        found += more
    return found


def talk_on(client: socket.socket) -> None:
    for _ in range(1000):
        echoed(client, b"1234567890")


def test_what_passes_is_what_was_sent_and_a_half_close_too(proxy: Proxy) -> None:
    data = bytes(range(256)) * 500
    with connect(proxy) as client:
        assert echoed(client, data) == data
        client.shutdown(socket.SHUT_WR)
        assert client.recv(1) == b""
    assert (proxy.taken, proxy.passed) == (1, len(data))


def test_a_cut_resets_what_is_open_and_new_connections_pass_unless_refused(proxy: Proxy) -> None:
    with connect(proxy) as client:
        assert echoed(client, b"one") == b"one"
        proxy.cut()
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with connect(proxy) as client:
        assert echoed(client, b"two") == b"two"
        proxy.cut(refuse=True)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
    with pytest.raises(ConnectionResetError), connect(proxy) as client:
        echoed(client, b"three")
    proxy.heal()
    with connect(proxy) as client:
        assert echoed(client, b"four") == b"four"


def test_half_open_tells_nobody_and_what_lost_bytes_is_reset_when_it_heals(proxy: Proxy) -> None:
    with connect(proxy) as client, connect(proxy) as quiet:
        assert echoed(client, b"before") == b"before"
        assert echoed(quiet, b"before") == b"before"
        proxy.swallow()
        client.sendall(b"into the void")
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(1)
        assert proxy.swallowed == len(b"into the void")
        proxy.heal()
        client.settimeout(30)
        with pytest.raises(ConnectionResetError):
            client.recv(1)
        assert echoed(quiet, b"after") == b"after"


def test_it_delays_throttles_and_truncates(proxy: Proxy) -> None:
    proxy.delay(0.1)
    with connect(proxy) as client:
        begun = time.monotonic()
        assert echoed(client, b"slow") == b"slow"
        assert time.monotonic() - begun >= 0.2
    proxy.heal()
    proxy.throttle(10_000)
    with connect(proxy) as client:
        begun = time.monotonic()
        assert echoed(client, bytes(3000)) == bytes(3000)
        assert time.monotonic() - begun >= 0.25
    proxy.heal()
    proxy.truncate(5)
    with connect(proxy) as client, pytest.raises(ConnectionResetError):
        talk_on(client)
    assert proxy.passed <= 3000 + len(b"slow") + 10


def test_it_ends_by_itself() -> None:
    with Proxy(1, lasting=0.1) as made:
        made._thread.join(30)
        assert not made._thread.is_alive()
        with pytest.raises(ConnectionRefusedError):
            connect(made)
