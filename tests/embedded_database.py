"""The database the tests run on: the one named by the environment, else a private embedded PostgreSQL."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from mom.embedded.postgres import EmbeddedPostgres

DEBIAN_15 = Path("/usr/lib/postgresql/15/bin")


def programs_wanted() -> Path | None:
    """MOM_TEST_PG=15 takes Debian's programs, empty or 18 the wheel's; anything else is refused."""
    wanted = os.environ.get("MOM_TEST_PG", "").strip()
    if wanted in {"", "18"}:
        return None
    if wanted != "15":
        raise ValueError(f"MOM_TEST_PG: read {wanted!r}, expected 15 or 18")
    if not (DEBIAN_15 / "postgres").exists():
        raise FileNotFoundError(f"MOM_TEST_PG=15: {DEBIAN_15} is missing; apt-get install postgresql-15")
    return DEBIAN_15


class Started(NamedTuple):
    """Addresses for the application's role, the owner's and that of reports (empty: no login of its own)."""

    application: str
    owner: str
    report: str
    stop: Callable[[], None]


def start_for_tests() -> Started:
    """A fast, empty instance of its own unless DATABASE_URL is set."""
    application = os.environ.get("DATABASE_URL", "")
    if application:
        owner = os.environ.get("DATABASE_OWNER_URL", "") or application
        return Started(application, owner, os.environ.get("MOM_TEST_DATABASE_REPORT_URL", ""), lambda: None)
    folder = Path(tempfile.mkdtemp(prefix="mom test "))
    # mkdtemp's 0700 would shut out the account the server runs under when we are root.
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "postgres", bin_dir=programs_wanted(), fast=True)
    server.start()
    server.ensure_database("mom")

    def stop() -> None:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)

    return Started(server.application_url("mom"), server.owner_url("mom"), server.report_url("mom"), stop)
