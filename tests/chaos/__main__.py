"""``python -m tests.chaos [NAME [OPTION…]]``: one promise kept under faults, or the list of them.

``long [NAME…]`` runs long forms one after the other.

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


def files() -> dict[str, Path]:
    """Name → file of every proof: ``NAME = "…"`` in it, or what the file is called."""
    found = {}
    for module in pkgutil.iter_modules([str(HERE)]):
        text = (path := HERE / f"{module.name}.py").read_text()
        if "\ndef prove(" in text:
            found[_said(text, "NAME") or module.name.replace("_", "-")] = path
    return dict(sorted(found.items()))


def proofs() -> dict[str, str]:
    """Name → first line of what it promises, without importing anything that needs settings."""
    return {name: path.read_text().split('"""')[1].strip().splitlines()[0] for name, path in files().items()}


def _said(text: str, what: str) -> str:
    """``what = "…"`` of a module, without importing it."""
    found = re.search(rf'^{what} = "(\S+)"$', text, re.MULTILINE)
    return found[1] if found else ""


def main(arguments: list[str]) -> int:
    known = files()
    if arguments[:1] == ["long"]:
        from tests.chaos.long import run

        return run(arguments[1:])
    if not arguments or arguments[0] not in known:
        for name, said in proofs().items():
            print(f"{name:<12} {said}")
        return 0 if not arguments else 2
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mom.settings")
    os.environ.setdefault("SECRET_KEY", "only for proofs")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    path = known[arguments[0]]
    with database(_said(path.read_text(), "DATABASE") or "fast"):
        import django

        django.setup()
        from django.db import connections

        module: ModuleType = importlib.import_module(f"tests.chaos.{path.stem}")
        verdict = module.prove(arguments[1:])
        connections.close_all()
    print(verdict)
    return 0 if verdict.kept else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
