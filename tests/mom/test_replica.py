"""Reports may be read from a replica: a process of its own, on a database that takes no writes."""

from __future__ import annotations

import re

import pytest
from django.db import InternalError, connection, transaction
from django.test import Client

from tests.architecture.access_samples import SAMPLES, World, world_make
from tests.architecture.test_access import LISTED, Asker, Listed, client_of
from tests.factories.plant import site_make

# What docs/scale-out.md lets a load balancer send to a replica.
REPORTS = ("api/v1/", "equipment/", "lines/", "losses/", "orders/", "stops/", "yesterday/")
ALIVE = {"200", "302", "400", "404"}


def answered(client: Client, path: str) -> str:
    """The status, or what the database refused."""
    with transaction.atomic():
        read_only()
        try:
            status = str(client.get(path).status_code)
        except InternalError as error:
            status = str(error).splitlines()[0]
        transaction.set_rollback(True)
    return status


def read_only() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")


def path_of(row: Listed, world: World) -> str:
    arguments = SAMPLES[row.at](world) if row.at else {}
    return "/" + re.sub(r"<(\w+)>", lambda found: str(arguments[found[1]]), row.address)


@pytest.mark.django_db
def test_no_report_writes_while_it_is_read() -> None:
    rows = [row for row in LISTED.values() if row.rules.get("GET") == "view"]
    reports = [row for row in rows if row.address.startswith(REPORTS)]
    client, world = client_of(Asker("engineer here", "engineer", True), world_make())
    told = {}
    for row in reports:
        with transaction.atomic():
            told[row.address] = answered(client, path_of(row, world))
            transaction.set_rollback(True)
    assert len([status for status in told.values() if status == "200"]) > 40
    assert {address: status for address, status in told.items() if status not in ALIVE} == {}


@pytest.mark.django_db
def test_a_write_there_would_be_noticed() -> None:
    with transaction.atomic():
        read_only()
        with pytest.raises(InternalError, match="read-only transaction"):
            site_make()
        transaction.set_rollback(True)
