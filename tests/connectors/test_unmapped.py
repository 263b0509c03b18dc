"""Addresses nobody mapped: listed within bounds with their counts, mapped, or ignored by somebody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client, TestCase
from django.test.utils import CaptureQueriesContext

from connectors import services
from connectors.domain.columns import Columns, micros
from connectors.models import Connection, IngestTally, QuarantinedMessage, SignalSample, UnmappedAddress
from connectors.selectors.trust import evidence_of
from connectors.services import unmapped
from connectors.services.ingest import Delivery, Result, deliveries_store
from plant.models import AuditEntry
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import Line, account_make, actor_make, line_make

pytestmark = pytest.mark.django_db
NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def line() -> Line:
    return line_make(1)


@pytest.fixture
def connection(line: Line, monkeypatch: pytest.MonkeyPatch) -> Iterator[Connection]:
    """With a mapped M1/count; counts are written at once."""
    monkeypatch.setattr(unmapped, "EVERY", 0.0)
    unmapped._pending.clear()
    made = connection_make(line.site, slug="press")
    signal_make(line.unit, "M1/count", role="good_count", connection=made)
    yield made
    unmapped._pending.clear()
    unmapped._ignored.clear()


def tell(
    connection: Connection, *told: tuple[str, Any], at: datetime = NOW, is_stream: bool = True
) -> Result:
    columns = Columns()
    for number, (address, value) in enumerate(told):
        columns.add(address, value, source_time=micros(at) + number, arrival_time=micros(at))
    with TestCase.captureOnCommitCallbacks() as committed:
        _, (result,) = deliveries_store(
            slug=connection.slug,
            deliveries=[Delivery(samples=columns)],
            now=max(at, NOW),
            sparingly=is_stream,
        )
    for work in committed:
        if getattr(work, "func", None) is unmapped._gather:
            work()
    return result


def listed(connection: Connection) -> dict[str, int]:
    return dict(UnmappedAddress.objects.filter(connection=connection).values_list("address", "count"))


def test_what_nobody_mapped_is_listed_with_counts_and_an_example(connection: Connection) -> None:
    tell(connection, ("M1/count", 1), ("M1/temp", 20.5), ("M1/temp", 21.5), ("M1/door", "open"))
    tell(connection, ("M1/temp", 22.5), at=NOW - timedelta(hours=1))
    assert listed(connection) == {"M1/temp": 3, "M1/door": 1}
    row = UnmappedAddress.objects.get(address="M1/temp")
    assert (row.first_seen, row.last_seen, row.example) == (NOW - timedelta(hours=1), NOW, "22.5")


def test_addresses_a_source_invents_are_one_row_and_no_count_is_lost(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unmapped, "MOST", 10)
    monkeypatch.setattr(unmapped, "KEPT", 3)
    for batch in range(5):
        told = [(f"invented/{batch}/{number}", number) for number in range(8)]
        tell(connection, *told, ("M1/temp", batch), ("\udcff" + "x" * 500 + "\0", 1))
    assert len(listed(connection)) == 11
    assert sum(listed(connection).values()) == 50
    assert listed(connection)["M1/temp"] == 5
    services.unmapped_trim()
    kept = listed(connection)
    assert len(kept) == 4, "those that came most often, and one row for all others"
    assert kept["M1/temp"] == 5
    assert sum(kept.values()) == 50
    tell(connection, ("M1/newcomer", 1))
    assert listed(connection)["M1/newcomer"] == 1, "there is room again"


def test_an_ignored_address_is_counted_and_not_kept_until_that_is_undone(
    connection: Connection, line: Line
) -> None:
    by = actor_make("engineer", line.site)
    tell(connection, ("M1/count", 1), ("M1/temp", 20))
    with pytest.raises(services.CannotIgnore, match="say why"):
        services.unmapped_ignore(connection=connection, addresses=["M1/temp"], why=" ", by=by, now=NOW)
    with pytest.raises(services.CannotIgnore, match="M1/none is not among"):
        services.unmapped_ignore(connection=connection, addresses=["M1/none"], why="x", by=by, now=NOW)
    services.unmapped_ignore(connection=connection, addresses=["M1/temp"], why="not ours", by=by, now=NOW)
    kept = QuarantinedMessage.objects.count()
    result = tell(connection, ("M1/count", 2), ("M1/temp", 21), ("M1/temp", 22), ("M1/door", 1))
    assert result == Result(4, 1, 0, 3, ignored=2)
    assert listed(connection) == {"M1/temp": 3, "M1/door": 1}
    assert UnmappedAddress.objects.get(address="M1/temp").ignored_count == 2
    assert QuarantinedMessage.objects.count() == kept + 1, "the door's"
    found = evidence_of(connections=[connection], now=NOW)[connection.pk].balance
    assert (found.received, found.stored, found.quarantined, found.ignored) == (6, 2, 2, 2)
    assert found.difference == 0
    services.tallies_fold(now=NOW + timedelta(days=1))
    assert IngestTally.objects.get().ignored == 2

    services.unmapped_unignore(connection=connection, addresses=["M1/temp"], by=by, now=NOW)
    assert tell(connection, ("M1/temp", 23)).ignored == 0
    said = list(AuditEntry.objects.order_by("pk").values_list("action", "why", "after"))
    assert said == [("address.ignore", "not ours", ["M1/temp"]), ("address.unignore", "", ["M1/temp"])]


def test_a_person_ignores_maps_and_undoes_on_the_page_and_a_program_by_the_same_words(
    client: Client, connection: Connection, line: Line
) -> None:
    odd = "M1/a b?&+é"
    tell(connection, ("M1/temp", 20), ("M1/door", "open"), (odd, 1))
    client.force_login(account_make("engineer", line.site))
    assert "/connections/press/unmapped/" in client.get("/connections/press/trust/").content.decode()
    page = client.get("/connections/press/unmapped/").content.decode()
    assert "M1/temp" in page
    assert "/connections/press/map/?address=M1%2Fa%20b%3F%26%2B%C3%A9" in page
    client.post("/connections/press/unmapped/ignore/", {"all": "on", "q": "DOOR", "why": "no use"})
    assert "no use" in client.get("/connections/press/unmapped/?q=DOOR").content.decode()
    said = client.get("/api/v1/connections/press/unmapped").json()
    assert [one["address"] for one in said["unmapped"]] == ["M1/a b?&+é", "M1/temp"]
    assert [(one["address"], one["ignored_why"]) for one in said["ignored"]] == [("M1/door", "no use")]
    assert QuarantinedMessage.objects.get(source="M1/door").status == "ignored"
    client.post("/connections/press/unmapped/unignore/", {"address": "M1/door"})
    assert QuarantinedMessage.objects.get(source="M1/door").status == "open"
    body = {"addresses": ["M1/door"], "why": "still no use"}
    told = client.post("/api/v1/connections/press/unmapped/ignore", body, content_type="application/json")
    assert told.json() == {"changed": 1}

    form = client.get("/connections/press/map/", {"address": odd}).content.decode()
    assert "M1/a b?&amp;+é" in form
    fields = {"address": odd, "equipment": line.unit.pk, "role": "process_value", "value_type": "number"}
    client.post("/connections/press/map/", fields)
    assert tell(connection, (odd, 2)).stored == 1
    assert odd not in [
        row["address"] for row in client.get("/api/v1/connections/press/unmapped").json()["unmapped"]
    ]
    trust = client.get("/api/v1/connections/press/trust").json()
    assert trust["unmapped"] == 1
    assert [one["evidence"] for one in trust["reasons"] if "nobody mapped" in one["text"]] == ["unmapped"]
    assert SignalSample.objects.count() == 1


def test_an_ingest_of_many_unmapped_addresses_costs_no_statement_each(
    connection: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = [(f"M1/{number}", number) for number in range(300)]
    monkeypatch.setattr(unmapped, "EVERY", 600.0)
    tell(connection, *told)
    with CaptureQueriesContext(database) as few:
        tell(connection, *told, at=NOW + timedelta(seconds=1))
    with CaptureQueriesContext(database) as none:
        tell(connection, ("M1/count", 1), at=NOW + timedelta(seconds=2))
    assert len(few) <= len(none) + 3, "what is set aside, never the list: it gathers in the process"
    assert sum(listed(connection).values()) == 300
    tell(connection, ("M1/0", 0), at=NOW + timedelta(seconds=3), is_stream=False)
    assert sum(listed(connection).values()) == 601, "what follows nothing is written at once"
