"""``python -m tests.benchmarks [NAME…]``: every module here with a ``run()`` → one table of ratios."""

from __future__ import annotations

import importlib
import os
import pkgutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mom.embedded.postgres import EmbeddedPostgres

HERE = Path(__file__).resolve().parent


@contextmanager
def database() -> Iterator[None]:
    """A PostgreSQL of its own with its safeties on (fsync), migrated; unless DATABASE_URL names one."""
    if os.environ.get("DATABASE_URL"):
        yield
        return
    from mom.embedded.postgres import EmbeddedPostgres
    from tests.embedded_database import programs_wanted

    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o711)
        server = EmbeddedPostgres(Path(name) / "postgres", bin_dir=programs_wanted())
        server.start()
        try:
            _date_commits(server)
            server.ensure_database("mom")
            os.environ["DATABASE_URL"] = server.application_url("mom")
            os.environ["DATABASE_OWNER_URL"] = server.owner_url("mom")
            migrate = [sys.executable, "manage.py", "migrate", "-v", "0"]
            environment = {**os.environ, "MOM_DB_ROLE": "owner"}
            subprocess.run(migrate, cwd=HERE.parents[1], env=environment, check=True)
            yield
        finally:
            server.stop()


def _date_commits(server: EmbeddedPostgres) -> None:
    """The server says when a row was committed: what asks for it would be work of its own."""
    import psycopg2

    from mom.embedded.postgres import SUPERUSER

    root = psycopg2.connect(
        host="127.0.0.1",
        port=server.port,
        dbname="postgres",
        user=SUPERUSER,
        password=server.superuser_password,
    )
    with closing(root):
        root.autocommit = True
        root.cursor().execute("ALTER SYSTEM SET track_commit_timestamp = on")
    server.stop()
    server.start()


def main(wanted: list[str]) -> int:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "mom.settings")
    os.environ.setdefault("SECRET_KEY", "only for benchmarks")
    os.environ.setdefault("LOG_LEVEL", "WARNING")
    with database():
        import django

        django.setup()
        from django.db import connections

        from tests.benchmarks.result import table

        ratios = []
        for found in pkgutil.iter_modules([str(HERE)]):
            if found.name.startswith("_") or (wanted and found.name not in wanted):
                continue
            module = importlib.import_module(f"tests.benchmarks.{found.name}")
            if hasattr(module, "run"):
                print(f"{found.name}: {(module.__doc__ or '').strip().splitlines()[0]}", file=sys.stderr)
                ratios += module.run()
        connections.close_all()
        print(table(ratios))
    return 1 if any(item.verdict == "NO" for item in ratios) else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
