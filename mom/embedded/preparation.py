"""What is done between servers and processes; and how we know that the product answers."""

from __future__ import annotations

import json
import secrets
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from mom.embedded import process
from mom.embedded.environment import ROOT
from mom.embedded.interface import StartFailed
from mom.embedded.places import private_write
from mom.embedded.processes import MANAGE
from mom.translations import compile_all

PREPARE_SECONDS = 600.0


def variables(
    urls: Mapping[str, str], *, data_dir: Path, hosts: Iterable[str], web_url: str
) -> dict[str, str]:
    """What settings read, for every process of the installation and for commands in another terminal."""
    return {
        **urls,
        "SECRET_KEY": secret_key(data_dir),
        "MOM_DATA_DIR": str(data_dir.resolve()),
        "MOM_WEB_URL": web_url,
        "DEBUG": "0",
        "ALLOWED_HOSTS": ",".join(sorted(hosts)),
        "DJANGO_SETTINGS_MODULE": "mom.settings",
    }


def secret_key(data_dir: Path) -> str:
    """The installation's own key, made once; the same file settings fall back to."""
    path = data_dir / "secret_key"
    if not path.exists():
        private_write(path, secrets.token_urlsafe(50))
    return path.read_text().strip()


def schema_migrate(environment: Mapping[str, str], *, log: Path) -> None:
    """As the owner of the tables, which the application's own role is not."""
    _run(["migrate", "--noinput"], environment=dict(environment) | {"MOM_DB_ROLE": "owner"}, log=log)


def plant_prepare(environment: Mapping[str, str], *, log: Path, demo: bool) -> dict[str, Any]:
    """Static files and, on an empty database, the demo plant; links and one-time passwords to show."""
    compile_all(ROOT)
    answer = Path(environment["MOM_DATA_DIR"]) / "prepared.json"
    private_write(answer, "{}")
    arguments = ["plant_prepare", f"--answer={answer}"] + (["--demo"] if demo else [])
    try:
        _run(arguments, environment=environment, log=log)
        given: dict[str, Any] = json.loads(answer.read_text())
    finally:
        # One-time passwords are shown once and kept nowhere.
        answer.unlink(missing_ok=True)
    return given


def _run(arguments: list[str], *, environment: Mapping[str, str], log: Path) -> None:
    child = process.spawn([*MANAGE, *arguments], log=log, environment=environment, folder=ROOT)
    try:
        code = child.wait(PREPARE_SECONDS)
    except subprocess.TimeoutExpired:
        code = None
    finally:
        process.stop_child(child, (15, 3.0))
    if code is None:
        raise StartFailed(f"manage.py {arguments[0]} took longer than {PREPARE_SECONDS:.0f} s (log: {log})")
    if code != 0:
        raise StartFailed(
            f"manage.py {arguments[0]} ended with {code} (log: {log}):\n{process.log_tail(log)}"
        )


def first_answer_wait(url: str, *, seconds: float, look: Callable[[], None]) -> None:
    """Until the product says it is ready; `look`, called in between, notices what crashed meanwhile."""
    deadline = time.monotonic() + seconds
    said = "no answer"
    while time.monotonic() < deadline:
        try:
            with urllib.request.urlopen(f"{url}readyz", timeout=10.0):
                return
        except urllib.error.HTTPError as fault:
            said = f"{fault.code} {fault.read(2000).decode('utf-8', 'replace')}"
        except OSError as fault:
            said = str(fault)
        look()
        time.sleep(0.2)
    raise StartFailed(f"the product was not ready after {seconds:.0f} s: {said}")


def own_names() -> set[str]:
    """What a browser of the network may call us by: our name, and every address that is known for it."""
    name = socket.gethostname().lower()
    found = {own_address(), name, f"{name.partition('.')[0]}.local"}
    try:
        addresses = {str(info[4][0]).partition("%")[0] for info in socket.getaddrinfo(name, None)}
    except OSError:
        addresses = set()
    return found | {f"[{address}]" if ":" in address else address for address in addresses}


def own_address() -> str:
    """The address other machines of the network reach us at; loopback without a network. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # an address of RFC 5737, never routed
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
