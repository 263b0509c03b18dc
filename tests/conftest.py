"""What every test stands on: a private PostgreSQL, migrated by its owner and used as the application role."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, connections
from django.test import TransactionTestCase
from django.utils import translation
from hypothesis import HealthCheck
from hypothesis import settings as examples

from mom.translations import compile_all
from plant import env
from tests.chaos import seconds
from tests.embedded_database import start_for_tests

_stop: Callable[[], None] | None = None

# How long an example takes says how busy the machine is, not whether the code is right
examples.register_profile("calm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
examples.load_profile("calm")


def _start_server() -> None:
    global _stop
    if os.environ.get("MOM_TEST_DATABASE_OWNER_URL"):
        return
    started = start_for_tests()
    _stop = started.stop
    os.environ["MOM_TEST_DATABASE_URL"] = started.application
    os.environ["MOM_TEST_DATABASE_OWNER_URL"] = started.owner
    os.environ["MOM_TEST_DATABASE_REPORT_URL"] = started.report


def pytest_configure() -> None:
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.LANGUAGE_CODE = "en"
    # A checkout holds no compiled texts; a process keeps those it finds first.
    compile_all(settings.BASE_DIR)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """One server for all parallel workers, which inherit its address."""
    _start_server()


def pytest_unconfigure() -> None:
    if _stop is not None:
        _stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if told := seconds.lines(terminalreporter.stats):
        terminalreporter.section("short forms of proofs")
        terminalreporter.write("".join(f"{line}\n" for line in told))


# Fixtures through which a test has the database: a live server brings a transactional one, that one ``db``.
BY_FIXTURE = {"db", "transactional_db", "django_db_setup"}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On another PostgreSQL only what touches the database is run again: the others cannot tell it."""
    if not os.environ.get("MOM_TEST_PG", "").strip():
        return
    touching = [item for item in items if _touches_database(item)]
    config.hook.pytest_deselected(items=[item for item in items if not _touches_database(item)])
    items[:] = touching


def _touches_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("django_db") is not None:
        return True
    return bool(BY_FIXTURE & set(getattr(item, "fixturenames", ())))


def connect_as(role_url: str) -> None:
    """Point the default connection at the same test database as another role."""
    entry = env.database("", role_url)
    database = connections["default"].settings_dict["NAME"]
    connections["default"].close()
    connections["default"].settings_dict.update({**entry, "NAME": database})


@pytest.fixture(autouse=True)
def source_language() -> Iterator[None]:
    """A page asked for in French leaves its language behind in the thread: each test begins in English."""
    translation.activate("en")
    yield
    translation.deactivate_all()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    _start_server()
    owner = env.database("", os.environ["MOM_TEST_DATABASE_OWNER_URL"])
    test_name = connections["default"].settings_dict["TEST"].get("NAME")
    connections["default"].settings_dict.update(owner)
    settings.APPLICATION_ROLE = str(env.database("", os.environ["MOM_TEST_DATABASE_URL"])["USER"])
    if test_name:
        connections["default"].settings_dict["TEST"]["NAME"] = test_name


KEPT = ("django_migrations", "django_content_type", "auth_permission")
TABLES = """
SELECT quote_ident(relname) FROM pg_class
WHERE relkind IN ('r', 'p') AND NOT relispartition AND relnamespace = 'public'::regnamespace
  AND relname <> ALL (%s)
"""


def _flush_as_owner() -> None:
    """The application role may not truncate; the tests' cleaning between transactions is the owner's work."""

    def teardown(self: TransactionTestCase) -> None:
        connect_as(os.environ["MOM_TEST_DATABASE_OWNER_URL"])
        try:
            with connection.cursor() as cursor:
                cursor.execute(TABLES, [list(KEPT)])
                tables = ", ".join(name for (name,) in cursor.fetchall())
                cursor.execute(f"TRUNCATE {tables} RESTART IDENTITY CASCADE")
        finally:
            connect_as(os.environ["MOM_TEST_DATABASE_URL"])

    TransactionTestCase._fixture_teardown = teardown  # type: ignore[attr-defined]


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    _flush_as_owner()
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        # Whoever waits longer than this for a lock waits for a transaction that a test left open.
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        cursor.execute(f"ALTER DATABASE {name} SET lock_timeout = '90s'")
    connect_as(os.environ["MOM_TEST_DATABASE_URL"])
    yield
    connect_as(os.environ["MOM_TEST_DATABASE_OWNER_URL"])
