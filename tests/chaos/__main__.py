"""``python -m tests.chaos [NAME [OPTION…]]``: one promise kept under faults, or the list of them.

Every module here with a ``prove(options)`` is a proof. Prints one line; the exit status is 1 when broken.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).resolve().parent


@contextmanager
def database(kind: str) -> Iterator[None]:
    """An empty, migrated PostgreSQL of its own, used as the application, unless DATABASE_URL names one.

    ``kind``: "durable" is run as the product runs it and may be killed; "none" is none at all.
    """
    if kind == "durable":
        from tests.chaos.works import durable_database

        with durable_database():
            yield
        return
    if kind == "none":
        yield
        return
    from tests.embedded_database import start_for_tests

    started = start_for_tests()
    try:
        os.environ |= {"DATABASE_URL": started.application, "DATABASE_OWNER_URL": started.owner}
        migrate = [sys.executable, "manage.py", "migrate", "-v", "0"]
        environment = {**os.environ, "MOM_DB_ROLE": "owner"}
        subprocess.run(migrate, cwd=HERE.parents[1], env=environment, check=True)
        yield
    finally:
        started.stop()


def proofs() -> dict[str, str]:
    """Name → first line of what it promises, without importing anything that needs settings."""
    found = {}
    for module in pkgutil.iter_modules([str(HERE)]):
        text = (HERE / f"{module.name}.py").read_text()
        if "\ndef prove(" in text:
            found[module.name.replace("_", "-")] = text.split('"""')[1].strip().splitlines()[0]
    return found


def database_of(name: str) -> str:
    """Which database a proof says it needs (``DATABASE = "…"``), without importing it."""
    found = re.search(r'^DATABASE = "(\w+)"$', (HERE / f"{name}.py").read_text(), re.MULTILINE)
    return found[1] if found else "fast"


def main(arguments: list[str]) -> int:
    known = proofs()
    if not arguments or arguments[0] not in known:
        for name, said in known.items():
            print(f"{name:<12} {said}")
        return 0 if not arguments else 2
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mom.settings")
    os.environ.setdefault("SECRET_KEY", "only for proofs")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    name = arguments[0].replace("-", "_")
    with database(database_of(name)):
        import django

        django.setup()
        from django.db import connections

        module: ModuleType = importlib.import_module(f"tests.chaos.{name}")
        verdict = module.prove(arguments[1:])
        connections.close_all()
    print(verdict)
    return 0 if verdict.kept else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
