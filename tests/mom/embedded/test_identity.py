from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from mom.embedded import identity, process
from tests.mom.embedded.programs import alive

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def test_an_orphan_is_ended_and_named(tmp_path: Path) -> None:
    child = process.spawn(SLEEP, log=tmp_path / "log")
    identity.remember(tmp_path / "pids", "worker", child.pid, SLEEP)
    try:
        assert identity.orphans_end(tmp_path / "pids") == ["worker"]
        assert child.wait(5) != 0
        assert identity.orphans_end(tmp_path / "pids") == []
    finally:
        process.stop_child(child)


def test_another_program_that_got_the_pid_is_left_alone(tmp_path: Path) -> None:
    child = process.spawn(SLEEP, log=tmp_path / "log")
    try:
        pids = tmp_path / "pids"
        identity.remember(pids, "older", child.pid, SLEEP)
        record = json.loads((pids / "older.json").read_text())
        (pids / "older.json").write_text(json.dumps(record | {"started": "an-earlier-boot:1"}))
        identity.remember(pids, "other", child.pid, ["/usr/bin/postgres", "-D", "/elsewhere"])
        (pids / "broken.json").write_text("{")
        assert identity.orphans_end(pids) == []
        assert alive(child.pid)
    finally:
        process.stop_child(child)


def test_start_time_tells_two_processes_apart(tmp_path: Path) -> None:
    child = process.spawn(SLEEP, log=tmp_path / "log")
    first = identity.started(child.pid)
    process.stop_child(child)
    assert first
    assert identity.started(child.pid) == ""


def test_a_long_log_is_set_aside_while_its_writer_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "LOG_LIMIT_BYTES", 10)
    log = tmp_path / "web.log"
    with process.log_open(log) as writer:
        writer.write(b"a long first line\n")
        writer.flush()
        process.log_trim(log)
        writer.write(b"next\n")
        writer.flush()
    assert (tmp_path / "web.log.1").read_bytes() == b"a long first line\n"
    assert log.read_bytes() == b"next\n"
