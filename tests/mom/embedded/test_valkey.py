from __future__ import annotations

import socket
from pathlib import Path

import pytest
import redis

from mom.embedded.interface import StartFailed
from mom.embedded.valkey import NO_RETRY, EmbeddedValkey
from tests.mom.embedded.programs import alive, line_read, run_program, wait_until

SERVE = """
import sys, time, pathlib
from mom.embedded.valkey import NO_RETRY, EmbeddedValkey
server = EmbeddedValkey(pathlib.Path(sys.argv[1]))
server.start()
print(server.process_id, flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "a plant's data, été"


def test_answers_with_its_password_and_refuses_without(folder: Path) -> None:
    server = EmbeddedValkey(folder)
    server.start()
    try:
        client = redis.Redis.from_url(server.url)
        assert client.set("key", "value")
        assert client.get("key") == b"value"
        with pytest.raises(redis.AuthenticationError):
            redis.Redis(port=server.port or 0, retry=NO_RETRY).ping()
        assert all(path.stat().st_mode & 0o077 == 0 for path in folder.glob("*.conf"))
    finally:
        pid = server.process_id
        server.stop()
    assert pid is not None
    assert not alive(pid)


def test_killed_parent_leaves_no_server(folder: Path) -> None:
    program = run_program(SERVE, str(folder))
    pid = int(line_read(program))
    assert alive(pid)
    program.kill()
    program.wait()
    assert wait_until(lambda: not alive(pid))


def test_busy_port_is_named(folder: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(StartFailed, match=f"port {port} is in use"):
            EmbeddedValkey(folder, port).start()
