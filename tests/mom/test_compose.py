"""The container files, checked against what they name: no container engine is at hand to run them."""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest
import yaml
from django.core.management import get_commands, load_command_class

from mom.embedded.broker import connect_accepted, mosquitto_program
from mom.embedded.postgres import EmbeddedPostgres, wheel_programs
from mom.embedded.process import port_choose, spawn, stop_child
from tests.mom.embedded.programs import ROOT, wait_until

COMPOSE = ROOT / "docker-compose.yml"
VARIABLE = re.compile(r"(?<!\$)\$\{(\w+)(:[?-][^}]*)?\}")
SECRET = re.compile(r"PASSWORD|KEY|TOKEN|SECRET")
READ = r"""(?:env\.\w+|environ(?:\.get)?)[\[(]\s*"{name}\""""
CODE = ("mom", "plant", "connectors", "production", "traceability", "maintenance", "quality")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(COMPOSE.read_text())
    return loaded


@pytest.fixture(scope="module")
def source() -> str:
    return "\n".join(path.read_text() for app in CODE for path in (ROOT / app).rglob("*.py"))


def ours(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {name: service for name, service in compose["services"].items() if service.get("image") == "mom"}


def dockerfile_command() -> list[str]:
    found = re.search(r"^CMD (\[.*\])$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    assert found
    return [str(word) for word in yaml.safe_load(found[1])]


def assert_runs(command: list[str]) -> None:
    """Every program, module, subcommand and option of a command exists."""
    match command:
        case ["python", "manage.py", name, *arguments]:
            assert name in get_commands(), f"manage.py has no command {name}"
            app = get_commands()[name]
            loaded = app if not isinstance(app, str) else load_command_class(app, name)
            loaded.create_parser("manage.py", name).parse_args(arguments)
        case ["celery", "-A", module, name, *arguments]:
            from celery.bin.celery import celery as celery_command

            importlib.import_module(module)
            known = {word for option in celery_command.commands[name].params for word in option.opts}
            assert {argument.partition("=")[0] for argument in arguments} <= known
        case ["gunicorn", module, *arguments]:
            from gunicorn.config import Config

            importlib.import_module(module)
            Config().parser().parse_args(arguments)
        case _:
            raise AssertionError(f"unknown program: {command}")


def test_every_command_exists(compose: dict[str, Any]) -> None:
    for service in ours(compose).values():
        assert_runs([str(word) for word in service.get("command", dockerfile_command())])


def test_same_processes_as_make_run(compose: dict[str, Any]) -> None:
    from mom.embedded.processes import programs

    names = {program.name for program in programs(data_dir=ROOT, web_socket=3, demo=True)}
    assert names | {"postgres", "redis", "broker", "migrate", "demo-prepare"} == set(compose["services"])


def test_every_file_exists(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for mount in service.get("volumes", ()):
            place = str(mount).split(":", maxsplit=1)[0]
            assert (ROOT / place).is_file() if place.startswith(".") else place in compose["volumes"]
    for line in re.findall(r"^COPY (.+)$", (ROOT / "Dockerfile").read_text(), re.MULTILINE):
        for path in line.split()[:-1]:
            assert (ROOT / path).exists(), f"Dockerfile copies {path}"


def test_every_variable_is_in_the_example_and_no_secret_has_a_default() -> None:
    used = dict(VARIABLE.findall(COMPOSE.read_text()))
    example = dict(
        line.split("=", 1)
        for line in (ROOT / ".env.example").read_text().splitlines()
        if re.match(r"\w+=", line)
    )
    assert set(used) == set(example)
    for name, rest in VARIABLE.findall(COMPOSE.read_text()):
        if SECRET.search(name):
            assert rest.startswith(":?"), f"{name} must be refused when missing"
            assert example[name] == ""


def test_every_variable_passed_is_read(compose: dict[str, Any], source: str) -> None:
    names = {name for service in ours(compose).values() for name in service["environment"]}
    for name in sorted(names):
        assert re.search(READ.replace("{name}", name), source), f"nothing reads {name}"


def test_only_migrations_hold_the_owners_password(compose: dict[str, Any]) -> None:
    holders = {
        name for name, service in ours(compose).items() if "DATABASE_OWNER_URL" in service["environment"]
    }
    assert holders == {"migrate"}


def test_dependencies_exist_and_can_be_waited_for(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for service in services.values():
        for name, wait in service.get("depends_on", {}).items():
            assert name in services
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in services[name]
        mode = service.get("network_mode", "service:web")
        assert mode.removeprefix("service:") in services


@pytest.mark.parametrize("script", ["docker/mosquitto-start.sh", "docker/postgres/roles.sh"])
def test_scripts_are_well_formed(script: str) -> None:
    assert subprocess.run(["sh", "-n", str(ROOT / script)], check=False).returncode == 0


@pytest.fixture
def folder() -> Iterator[Path]:
    root = Path(tempfile.mkdtemp(prefix="mom-compose-"))
    root.chmod(0o711)
    yield root
    shutil.rmtree(root)


def test_roles_script_makes_the_same_roles_as_the_embedded_server(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "postgres", fast=True)
    server.start()
    try:
        variables = {
            "PATH": f"{wheel_programs()[0]}:{os.environ['PATH']}",
            "PGHOST": "127.0.0.1",
            "PGPORT": str(server.port),
            "PGPASSWORD": server.superuser_password,
            "POSTGRES_USER": "postgres",
            "MOM_OWNER_PASSWORD": "it's a secret",
            "MOM_APP_PASSWORD": "another-one",
        }
        subprocess.run(["sh", str(ROOT / "docker/postgres/roles.sh")], env=variables, check=True, timeout=60)
        for role, password in (("mom_owner", "it's a secret"), ("mom_app", "another-one")):
            with (
                contextlib.closing(
                    psycopg2.connect(
                        host="127.0.0.1", port=server.port, user=role, password=password, dbname="mom"
                    )
                ) as connection,
                connection.cursor() as cursor,
            ):
                cursor.execute("SELECT rolsuper, rolcreatedb FROM pg_roles WHERE rolname = current_user")
                assert cursor.fetchone() == (False, role == "mom_owner")
                cursor.execute("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'mom'")
                assert cursor.fetchone() == ("mom_owner",)
    finally:
        server.stop()


@pytest.mark.skipif(mosquitto_program() is None, reason="mosquitto is not installed; .ci/run installs it")
def test_broker_configuration_is_taken_by_a_real_mosquitto(folder: Path) -> None:
    port = port_choose()
    text = (ROOT / "docker/mosquitto.conf").read_text()
    text = text.replace("listener 1883", f"listener {port} 127.0.0.1").replace(
        "/mosquitto/data/", f"{folder}/"
    )
    (folder / "mosquitto.conf").write_text(text + ("user root\n" if os.geteuid() == 0 else ""))
    passwd = shutil.which("mosquitto_passwd")
    assert passwd
    subprocess.run([passwd, "-b", "-c", str(folder / "users"), "mom", "secret"], check=True)
    child = spawn([str(mosquitto_program()), "-c", folder / "mosquitto.conf"], log=folder / "log")
    try:

        def answers() -> bool:
            with contextlib.suppress(OSError):
                return connect_accepted(port, "mom", "secret")
            return False

        assert wait_until(answers, 10), (folder / "log").read_text()
        assert not connect_accepted(port, "mom", "wrong")
        assert "deprecated" not in (folder / "log").read_text()
    finally:
        stop_child(child, (15, 5.0))
