from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from connectors.domain.columns import Columns, micros
from connectors.models import Connection, SignalDefinition
from connectors.services import samples_ingest
from plant.domain.samples import Sample
from tests.connectors.edge import Edge
from tests.connectors.peers import Mosquitto, free_port
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import Line, account_make, line_make

pytestmark = pytest.mark.django_db


@pytest.fixture
def line() -> Line:
    return line_make(1)


@pytest.fixture
def engineer(client: Client, line: Line) -> Client:
    client.force_login(account_make("engineer", line.site))
    return client


def form(line: Line, broker_url: str, **changes: Any) -> dict[str, Any]:
    return {
        "slug": "line-spb",
        "site": line.site.pk,
        "enabled": "on",
        "state_map": "6 = execute\n2 = stopped",
        "config_broker": broker_url,
        "config_host_id": "page-test",
        "config_group": "G",
        "config_reorder_seconds": "2",
        "config_cooldown_seconds": "1",
        **changes,
    }


def test_lists_and_details_show_ages_states_gaps_and_unreadable_messages(
    engineer: Client, line: Line
) -> None:
    made = connection_make(line.site, slug="c1", state_map={"6": "execute"})
    signal_make(line.unit, "M1/state", role="state", connection=made)
    now = datetime.now(UTC)
    samples = Columns.of(
        [Sample("M1/state", now - timedelta(seconds=5), 6), Sample("M1/other", now, 1)],
        arrival_time=micros(now),
    )
    samples_ingest(connection="c1", samples=samples, now=now)
    listing = engineer.get("/connections/").content.decode()
    assert "c1" in listing
    assert "/connections/c1/unread/" in listing
    assert "M1/state" in engineer.get("/connections/c1/").content.decode()
    unread = engineer.get("/connections/c1/unread/").content.decode()
    assert "unknown address" in unread
    signal_make(line.unit, "M1/other", connection=made)
    pk = unread.split("/connections/unread/")[1].split("/")[0]
    answer = engineer.post(f"/connections/unread/{pk}/reprocess/", follow=True).content.decode()
    assert "1 values stored" in answer
    assert "unknown address" not in answer


def test_a_test_shows_live_value_and_mapped_state_and_saves_nothing_until_asked(
    engineer: Client, line: Line, broker: Mosquitto
) -> None:
    edge = Edge("127.0.0.1", broker.port, "G", "E", {"State": 6, "Speed": 2.5})
    done = threading.Event()

    def live() -> None:
        while not done.is_set():
            edge.birth() if edge.rebirth_wanted else edge.send({"State": 6})
            time.sleep(0.05)

    thread = threading.Thread(target=live)
    thread.start()
    try:
        page = engineer.post("/connections/new/sparkplug/", form(line, broker.url, test=""))
    finally:
        done.set()
        thread.join()
        edge.stop()
    seen = {row.sample.address: row for row in page.context["seen"]}
    assert (seen["G/E:State"].sample.value, seen["G/E:State"].state) == (6, "execute")
    assert not Connection.objects.exists()
    row = seen["G/E:State"].number
    chosen = {f"address-{row}": "G/E:State", f"equipment-{row}": line.unit.pk, f"role-{row}": "state"}
    answer = engineer.post("/connections/new/sparkplug/", form(line, broker.url, save="", **chosen))
    assert answer.status_code == 302, answer.content.decode()
    signal = SignalDefinition.objects.get()
    assert (signal.connection.slug, signal.address, signal.role) == ("line-spb", "G/E:State", "state")
    assert signal.connection.state_map == {"6": "execute", "2": "stopped"}
    assert signal.connection.config["host_id"] == "page-test"
    assert engineer.get("/connections/line-spb/edit/").status_code == 200


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state_map": "6 = running"}, "read state"),
        ({"state_map": "6"}, "Line 1"),
        ({"config_broker": "http://x"}, "expected mqtt://"),
        ({"config_host_id": "a/b"}, "without +"),
    ],
)
def test_what_cannot_work_is_said_and_not_saved(
    engineer: Client, line: Line, changes: dict[str, Any], said: str
) -> None:
    page = engineer.post(
        "/connections/new/sparkplug/",
        form(
            line,
            "mqtt://127.0.0.1",
            **{"save" if "config_host_id" in changes or "state_map" in changes else "test": "", **changes},
        ),
    )
    assert page.status_code == 200
    assert said in page.content.decode()
    assert not Connection.objects.exists()


def test_a_dead_broker_is_said_plainly(engineer: Client, line: Line) -> None:
    page = engineer.post(
        "/connections/new/sparkplug/", form(line, f"mqtt://127.0.0.1:{free_port()}", test="")
    )
    assert "The test failed:" in page.content.decode()
    assert "refused" in page.content.decode()


def test_operators_look_but_do_not_change(client: Client, line: Line) -> None:
    connection_make(line.site, slug="c1")
    client.force_login(account_make("operator", line.site))
    assert client.get("/connections/c1/").status_code == 200
    assert client.get("/connections/c1/edit/").status_code == 403
    assert client.get("/connections/new/mqtt/").status_code == 403


def test_every_protocol_has_a_form(engineer: Client) -> None:
    for protocol in ("opcua", "mqtt", "sparkplug"):
        assert engineer.get(f"/connections/new/{protocol}/").status_code == 200
    assert engineer.get("/connections/new/telex/").status_code == 404
