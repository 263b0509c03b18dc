"""What the demo plant needs in the product before it starts: accounts, keys, a tablet, an endpoint."""

from __future__ import annotations

import secrets
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from mom.demo.by_hand import table_set
from mom.demo.store import KEYS, SETTINGS, Store
from plant import selectors, services
from plant.access import rule

BY = rule("demo plant")
KEY_DAYS = 3650
READ, WRITE = "read", "write"
SIGN_IN = (("supervisor", "B2001"), ("admin", "B9001"))
READER = "B5001"
TABLET_LINES = ("L1", "L2", "L3")


def store_open() -> Store:
    return Store(Path(settings.DATA_DIR) / "demo")


def demo_prepare() -> dict[str, Any]:
    """At the first run: links, one-time passwords and a read-only key. Later: fresh tablet links only."""
    store = store_open()
    _endpoint_choose(store)
    given: dict[str, Any] = {}
    if store.read(KEYS) is None:
        with transaction.atomic():
            accounts, keys = _accounts()
            given["sign in (change the password then)"] = accounts
            given["read-only API key"] = _reader_key()
            # Machines that are not there yet would be recorded as data missing while their past is told.
            connections_keep(slugs=None, on=False)
            table_set(now=timezone.now())
            store.write(KEYS, keys)
    given |= _tablets()
    return given


def connections_keep(*, slugs: Iterable[str] | None, on: bool) -> None:
    """Let runners keep these connections (None: all), or leave them alone."""
    rows: Any = selectors.configuration_rows("connectors.Connection")
    for connection in rows if slugs is None else rows.filter(slug__in=list(slugs)):
        if connection.enabled != on:
            connection.enabled = on
            connection.save(update_fields=["enabled"])


def _accounts() -> tuple[dict[str, str], dict[str, str]]:
    """(account and password of those who sign in, key by badge). Every person gets a key: machines and the
    ERP, and the people the simulation speaks for, so that each write carries who did it."""
    passwords, keys = {}, {}
    names = {badge: name for name, badge in SIGN_IN}
    people: Any = selectors.configuration_rows("plant.Person", is_active=True).order_by("badge")
    for person in people:
        name = names.get(person.badge)
        # Only those who sign in have a password; the others' accounts hold a key and nothing else.
        password = secrets.token_urlsafe(9) if name else None
        user = person.user or services.user_create(
            username=name or f"demo-{person.badge.lower()}", password=password, person=person, by=BY,
            must_change=bool(name),
        )  # fmt: skip
        if name and password:
            passwords[name] = password
        _, keys[person.badge] = services.token_create(
            user=user, name="demo plant", scope=WRITE, days=KEY_DAYS, by=BY
        )
    return passwords, keys


def _reader_key() -> str:
    person = selectors.person_at_badge(READER)
    assert person is not None
    assert person.user is not None
    _, secret = services.token_create(user=person.user, name="first steps", scope=READ, days=30, by=BY)
    return secret


def _tablets() -> dict[str, str]:
    """A link for the first line under ``tablet`` (the terminal makes a QR of it), the others beside it."""
    links: dict[str, str] = {}
    for code in TABLET_LINES:
        line: Any = selectors.configuration_rows("plant.Equipment", code=code).first()
        if line is not None:
            constraint = selectors.line_constraint(line.pk) or line
            _, secret = services.device_create(label=f"Tablet {code}", equipment=constraint, by=BY)
            links["tablet" if not links else f"tablet {code}"] = reverse("tablet_enrol", args=[secret])
    return links


def _endpoint_choose(store: Store) -> None:
    """The OPC UA port of the plant file, or a free one if another program has it; the connection follows."""
    found = selectors.configuration_rows("connectors.Connection", protocol="opcua").first()
    if found is None:
        return
    connection: Any = found
    endpoint = _free(connection.config["endpoint"])
    if endpoint != connection.config["endpoint"]:
        connection.config = {**connection.config, "endpoint": endpoint}
        connection.save(update_fields=["config"])
    store.write(SETTINGS, {"endpoint": endpoint})


def _free(endpoint: str) -> str:
    parts = urlsplit(endpoint)
    host = parts.hostname or "127.0.0.1"
    for port in (parts.port or 4840, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return urlunsplit(parts._replace(netloc=f"{host}:{probe.getsockname()[1]}"))
    return endpoint
