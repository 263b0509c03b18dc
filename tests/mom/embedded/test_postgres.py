from __future__ import annotations

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from mom.embedded import process
from mom.embedded.interface import StartFailed
from mom.embedded.postgres import EmbeddedPostgres
from tests.embedded_database import DEBIAN_15
from tests.mom.embedded.programs import alive, family, line_read, run_program, wait_until

PROGRAMS = [pytest.param(None, id="18"), pytest.param(DEBIAN_15, id="15")]

SERVE = """
import sys, time, pathlib
from mom.embedded.postgres import EmbeddedPostgres
server = EmbeddedPostgres(pathlib.Path(sys.argv[1]), fast=True)
server.start(); server.ensure_database("mom")
print(server.process_id, server.port, flush=True)
time.sleep(600)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    # A long path with spaces, quotes and accents: what a home folder may well look like. Not under tmp_path,
    # which only its owner may enter: the server would move elsewhere and the path would not be tried.
    root = Path(tempfile.mkdtemp(prefix="a plant's data, été "))
    root.chmod(0o711)
    yield root / ("x" * 80)
    shutil.rmtree(root)


def rows(url: str, statement: str) -> list[tuple[object, ...]]:
    with contextlib.closing(psycopg2.connect(url)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture(params=PROGRAMS)
def server(folder: Path, request: pytest.FixtureRequest) -> Iterator[EmbeddedPostgres]:
    if request.param and not (request.param / "postgres").exists():
        pytest.skip("Debian's PostgreSQL 15 is not installed")
    server = EmbeddedPostgres(folder, bin_dir=request.param, fast=True)
    server.start()
    server.ensure_database("mom")
    assert server.base == folder
    yield server
    server.stop()


def test_roles_are_the_two_we_promise(server: EmbeddedPostgres) -> None:
    server.ensure_database("mom")
    attributes = "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
    assert rows(server.owner_url("mom"), attributes) == [(False, True, False)]
    assert rows(server.application_url("mom"), attributes) == [(False, False, False)]
    memberships = (
        "SELECT count(*) FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member"
        " WHERE r.rolname = 'mom_app'"
    )
    assert rows(server.owner_url("mom"), memberships) == [(0,)]
    assert rows(server.application_url("mom"), "SELECT lower('ÉTÉ'), current_setting('timezone')") == [
        ("été", "UTC")
    ]


def test_application_role_cannot_create_or_alter(server: EmbeddedPostgres) -> None:
    rows(server.owner_url("mom"), "CREATE TABLE fact (id int)")
    for statement in ("CREATE TABLE mine (id int)", "DROP TABLE fact", "INSERT INTO fact VALUES (1)"):
        with pytest.raises(psycopg2.errors.InsufficientPrivilege):
            rows(server.application_url("mom"), statement)


def test_wrong_password_is_refused_and_files_are_private(server: EmbeddedPostgres) -> None:
    with pytest.raises(psycopg2.OperationalError, match="password"):
        psycopg2.connect(host="127.0.0.1", port=server.port, user="mom_app", password="wrong", dbname="mom")
    assert (server.base / "passwords.json").stat().st_mode & 0o077 == 0
    assert server.cluster.stat().st_mode & 0o077 == 0


def test_stops_and_continues_where_it_was(folder: Path) -> None:
    first = EmbeddedPostgres(folder, fast=True)
    first.start()
    first.ensure_database("mom")
    rows(first.owner_url("mom"), "CREATE TABLE kept AS SELECT 42 AS answer")
    pid = first.process_id
    first.stop()
    assert pid is not None
    assert not alive(pid)
    second = EmbeddedPostgres(folder, fast=True)
    second.start()
    try:
        assert rows(second.owner_url("mom"), "SELECT answer FROM kept") == [(42,)]
    finally:
        second.stop()


def test_killed_parent_leaves_no_server_and_the_next_start_recovers(folder: Path) -> None:
    program = run_program(SERVE, str(folder))
    pid = int(line_read(program).split()[0])
    everyone = family(program.pid)
    assert pid in everyone
    assert len(everyone) > 1
    program.kill()
    program.wait()
    assert wait_until(lambda: not any(alive(child) for child in everyone)), "a process outlived its parent"
    server = EmbeddedPostgres(folder, fast=True)
    server.start()
    server.stop()


def test_pid_file_worn_by_another_program_is_stale(folder: Path) -> None:
    server = EmbeddedPostgres(folder, fast=True)
    server.start()
    content = (server.cluster / "postmaster.pid").read_text().splitlines()
    server.stop()
    bystander = process.spawn(["sleep", "600"], log=server.base / "sleep.log", user=server._account)
    try:
        (server.cluster / "postmaster.pid").write_text("\n".join([str(bystander.pid), *content[1:]]) + "\n")
        server.start()
        assert bystander.poll() is None
    finally:
        server.stop()
        process.stop_child(bystander)


def test_second_instance_on_the_same_folder_is_refused(server: EmbeddedPostgres, folder: Path) -> None:
    with pytest.raises(StartFailed, match="in use by another running instance"):
        EmbeddedPostgres(folder, fast=True).start()
    assert server.process_id is not None


def test_busy_port_is_named(folder: Path) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        server = EmbeddedPostgres(folder, port, fast=True)
        with pytest.raises(StartFailed, match=f"port {port} is in use"):
            server.start()
        assert server.process_id is None


def test_starting_outside_the_main_thread_is_refused(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool, pytest.raises(RuntimeError, match="main thread"):
        pool.submit(process.spawn, ["true"], log=tmp_path / "log").result()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has folders its service account cannot reach")
def test_root_only_folder_is_left_alone(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    server = EmbeddedPostgres(closed / "data", fast=True)
    server.start()
    try:
        assert closed.stat().st_mode & 0o777 == 0o700
        assert server.base.is_relative_to("/var/tmp")
    finally:
        server.stop()
        shutil.rmtree(server.base)
