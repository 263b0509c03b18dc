"""Edge nodes on their page, and who may follow a connection."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection as database
from django.test import Client

from connectors import services
from connectors.domain import notices
from connectors.domain.columns import micros
from connectors.domain.notices import Notice
from connectors.domain.outage import GapRecord, Outage
from connectors.domain.wire import notices_from_json, notices_to_json
from connectors.management.commands.run_connector import from_database
from connectors.models import Connection, FollowerLease, SourceNotice
from connectors.runner import Configurations
from connectors.selectors.nodes import Heard, nodes_of
from tests.factories.connectors import connection_make
from tests.factories.plant import account_make, line_make

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.fixture
def made() -> Connection:
    return connection_make(line_make(1).site, slug="spb", protocol="sparkplug")


def tell(made: Connection, *said: tuple[str, str], detail: str = "", seq: int | None = None) -> Heard:
    """(kind, scope), a second apart."""
    found = [
        Notice(kind, scope, micros(NOW + timedelta(seconds=number)), 3, seq, detail)
        for number, (kind, scope) in enumerate(said)
    ]
    delivery = services.Delivery(notices=notices_from_json(notices_to_json(found)))
    services.deliveries_store(slug=made.slug, deliveries=[delivery], now=NOW)
    return nodes_of(connection_id=made.pk, now=NOW + timedelta(minutes=1))


def states(heard: Heard) -> dict[str, bool | None]:
    return {row.scope: row.online for node in heard.nodes for row in (node, *node.devices)}


def test_a_node_is_online_from_its_birth_to_its_death_and_takes_its_devices_along(made: Connection) -> None:
    born = tell(made, ("started", ""), ("listening", ""), ("born", "G/E"), ("born", "G/E/D"))
    assert states(born) == {"G/E": True, "G/E/D": True}
    assert born.host is not None
    assert born.host.kind == "listening"
    assert states(tell(made, ("died", "G/E/D"))) == {"G/E": True, "G/E/D": False}
    assert states(tell(made, ("born", "G/E/D"))) == {"G/E": True, "G/E/D": True}
    assert states(tell(made, ("born", "G/E"))) == {"G/E": True, "G/E/D": None}, "its birth is still to come"
    assert states(tell(made, ("stale", "G/E"))) == {"G/E": False, "G/E/D": False}
    assert states(tell(made, ("born", "G/E"), ("started", ""))) == {"G/E": None, "G/E/D": None}


def test_faults_and_births_asked_for_are_counted_with_the_last_reason(made: Connection) -> None:
    tell(made, ("born", "G/E"), ("seq_fault", "G/E"), ("rebirth_asked", "G/E"))
    (node,) = tell(made, ("rebirth_asked", "G/E"), detail="unknown alias 5", seq=44).nodes
    assert (node.faults, node.asked, node.why, node.session, node.seq) == (1, 2, "unknown alias 5", 3, 44)
    later = nodes_of(connection_id=made.pk, now=NOW + timedelta(days=2)).nodes[0]
    assert (later.faults, later.asked, later.why) == (0, 0, "")


def test_a_notice_this_version_does_not_know_is_left_out(made: Connection) -> None:
    tell(made, ("sang", "G/E"), ("born", "G/E"))
    assert list(SourceNotice.objects.values_list("kind", flat=True)) == ["born"]
    assert {kind.value for kind in SourceNotice.Kind} == notices.KINDS


def test_the_page_is_opened_from_the_connection_and_shows_them(client: Client, made: Connection) -> None:
    client.force_login(account_make("operator", made.site))
    assert 'href="/connections/spb/nodes/"' in client.get("/connections/spb/").content.decode()
    empty = client.get("/connections/spb/nodes/")
    assert "No edge node" in empty.content.decode()
    tell(made, ("listening", ""), ("born", "G/E"), ("born", "G/E/Press"), ("rebirth_asked", "G/E"))
    page = client.get("/connections/spb/nodes/").content.decode()
    for shown in ("G/E", "Press", "online", "Birth asked for", "bdSeq"):
        assert shown in page


# -- who follows -------------------------------------------------------------------------------------------


def age(seconds: float) -> None:
    """As if the lease had last been renewed that long ago."""
    with database.cursor() as cursor:
        cursor.execute(
            "UPDATE connectors_followerlease SET until = until - make_interval(secs => %s),"
            " renewed_at = renewed_at - make_interval(secs => %s)",
            [seconds] * 2,
        )


def test_the_page_of_a_connection_says_why_its_broker_is_not_heard_until_it_is(
    client: Client, made: Connection
) -> None:
    client.force_login(account_make("engineer", scope=made.site))
    why = "refused the connection: Not authorized"
    tell(made, ("listening", ""))
    assert "Broker lost" not in client.get("/connections/spb/").content.decode()
    tell(made, ("deaf", ""), detail=why)
    page = client.get("/connections/spb/").content.decode()
    assert "Broker lost since" in page
    assert why in page
    tell(made, ("listening", ""))
    assert why not in client.get("/connections/spb/").content.decode()


def test_one_runner_holds_a_connection_and_another_takes_over_once_it_is_gone(made: Connection) -> None:
    one, two = uuid.uuid4(), uuid.uuid4()
    assert services.leases_hold(slugs=["spb"], holder=one)["spb"].since is None
    assert services.leases_hold(slugs=["spb"], holder=two) == {}
    age(18)
    assert services.leases_hold(slugs=["spb"], holder=two) == {}
    opened = Outage("s").lost(NOW, "death_to_birth")
    assert opened is not None
    closed = GapRecord(key=uuid.uuid4(), cause="seq_jump", start_time=NOW)
    gone = GapRecord(key=closed.key, cause="seq_jump", start_time=NOW, end_time=NOW)
    deliveries = [services.Delivery(gaps=[opened, closed, gone])]
    services.deliveries_store(slug="spb", deliveries=deliveries, now=NOW)
    age(4)
    taken = services.leases_hold(slugs=["spb"], holder=two)["spb"]
    assert taken.since is not None
    assert [gap.key for gap in taken.open_gaps] == [opened.key]
    assert services.leases_hold(slugs=["spb"], holder=one) == {}
    assert services.leases_hold(slugs=["spb"], holder=two)["spb"].since is None, "said once"


def test_a_clean_stop_lets_the_next_in_at_once(made: Connection) -> None:
    one, two = uuid.uuid4(), uuid.uuid4()
    services.leases_hold(slugs=["spb"], holder=one)
    services.leases_release(holder=one)
    assert "spb" in services.leases_hold(slugs=["spb"], holder=two)
    assert FollowerLease.objects.get().holder == two


@pytest.mark.django_db(transaction=True)
def test_a_runner_is_given_what_it_holds_and_what_it_takes_over(made: Connection, tmp_path: Path) -> None:
    one = from_database(None, tmp_path / "one.json", uuid.uuid4())
    two = from_database(None, tmp_path / "two.json", uuid.uuid4())

    def read(configurations: Configurations) -> list[dict[str, Any]]:
        async def once() -> list[dict[str, Any]]:
            return await configurations() or []

        return asyncio.run(once())

    (mine,) = read(one)
    assert "since" not in mine
    assert read(two) == []
    age(21)
    (taken,) = read(two)
    assert datetime.fromisoformat(taken["since"]) < datetime.now(UTC) - timedelta(seconds=20)
    assert taken["open_gaps"] == []
    assert '"since"' not in (tmp_path / "two.json").read_text()
    assert read(one) == []
