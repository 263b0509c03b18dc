from __future__ import annotations

import ast
import asyncio
import dataclasses
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.forms import ModelForm
from django.test import Client

from connectors import protocols
from connectors.admin import ConnectionAdmin
from connectors.domain.columns import Columns, micros
from connectors.models import Connection, SignalDefinition
from connectors.protocols.opcua import trust
from connectors.registry import connector_class
from connectors.services import samples_ingest
from mom import health
from plant.domain.samples import Sample
from plant.models import AuditEntry
from plant.selectors.actors import actor_for_person
from tests.connectors.edge import Edge
from tests.connectors.opcua_peers import encrypting, self_signed
from tests.connectors.peers import Mosquitto, address, free_port, opcua_server
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


def ua_form(line: Line, **changes: Any) -> dict[str, Any]:
    return {
        "slug": "plc",
        "site": line.site.pk,
        "enabled": "on",
        "config_endpoint": "opc.tcp://127.0.0.1:4840",
        "config_security": "sign_and_encrypt",
        "config_publishing_ms": "250",
        "config_sampling_ms": "100",
        "config_tolerated_outage_seconds": "60",
        "config_freshness_seconds": "30",
        **changes,
    }


def test_the_engineer_sees_what_the_server_must_trust_and_an_operator_does_not(
    client: Client, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOM_DATA_DIR", str(tmp_path))
    connection_make(line.site, slug="plc", protocol="opcua", config={"endpoint": "opc.tcp://10.0.0.5:4840"})
    client.force_login(account_make("operator", line.site))
    assert "own/certificate.der" not in client.get("/connections/plc/").content.decode()
    client.force_login(account_make("engineer", line.site))
    page = client.get("/connections/plc/").content.decode()
    identity = trust.own(trust.pki())
    for shown in (identity.certificate, identity.thumbprint, identity.trusted, identity.rejected):
        assert str(shown) in page
    assert identity.certificate.startswith(str(tmp_path))


def test_no_encryption_beyond_this_machine_needs_a_reason_and_leaves_an_entry(
    engineer: Client, line: Line
) -> None:
    bare = {"config_endpoint": "opc.tcp://10.0.0.5:4840", "config_security": "none"}
    refused = engineer.post("/connections/new/opcua/", ua_form(line, save="", **bare))
    assert "security: none is only for this machine itself" in refused.content.decode()
    assert not Connection.objects.exists()
    accepted = {**bare, "config_accept_insecure": "on", "config_insecure_reason": "old controller"}
    answer = engineer.post("/connections/new/opcua/", ua_form(line, save="", **accepted))
    assert answer.status_code == 302, answer.content.decode()
    entry = AuditEntry.objects.get(action="connection.insecure")
    assert (entry.subject_code, entry.why) == ("plc", "old controller")
    assert entry.after == {"endpoint": "opc.tcp://10.0.0.5:4840", "security": "none"}
    # Saved again unchanged it is no new exception
    engineer.post("/connections/plc/edit/", ua_form(line, save="", **accepted))
    assert AuditEntry.objects.filter(action="connection.insecure").count() == 1


def test_no_encryption_on_this_machine_is_no_exception(engineer: Client, line: Line) -> None:
    answer = engineer.post("/connections/new/opcua/", ua_form(line, save="", config_security="none"))
    assert answer.status_code == 302
    assert not AuditEntry.objects.filter(action="connection.insecure").exists()


def test_a_test_of_an_untrusted_server_names_its_thumbprint_and_the_folders(
    engineer: Client, line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOM_DATA_DIR", str(tmp_path))
    identity, port, started, stop = self_signed(), free_port(), threading.Event(), threading.Event()

    async def serve() -> None:
        async with opcua_server(port, {"count": 5}, secure=encrypting(identity)):
            started.set()
            while not stop.is_set():
                await asyncio.sleep(0.05)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert started.wait(30)
        form_of_it = ua_form(line, config_endpoint=f"opc.tcp://127.0.0.1:{port}/", addresses=address("count"))
        refused = engineer.post("/connections/new/opcua/", {**form_of_it, "test": ""}).content.decode()
        assert trust.thumbprint(identity.certificate) in refused
        (waiting,) = trust.pki().rejected.iterdir()
        waiting.rename(trust.pki().trusted / waiting.name)
        tested = engineer.post("/connections/new/opcua/", {**form_of_it, "test": ""})
        assert [row.sample.value for row in tested.context["seen"]] == [5]
    finally:
        stop.set()
        thread.join()


def test_master_data_forms_refuse_and_record_the_same(client: Client, line: Line) -> None:
    made = connection_make(
        line.site, slug="plc", protocol="opcua", config={"endpoint": "opc.tcp://localhost:4840"}
    )
    form_class, entries = ConnectionAdmin.form, AuditEntry.objects.filter(action="connection.insecure")
    client.force_login(account_make("admin", line.site))

    def post(**config: Any) -> Any:
        body = {"slug": "plc", "protocol": "opcua", "site": line.site.pk, "state_map": "{}", "enabled": "on"}
        return client.post(
            f"/admin/connectors/connection/{made.pk}/change/", {**body, "config": json.dumps(config)}
        )

    refused = post(endpoint="opc.tcp://10.0.0.5", security="none")
    assert refused.status_code == 200
    assert "only for this machine" in refused.content.decode()
    assert issubclass(form_class, ModelForm)
    assert not entries.exists()
    accepted = {"accept_insecure": True, "insecure_reason": "old controller"}
    assert post(endpoint="opc.tcp://10.0.0.5", security="none", **accepted).status_code == 302
    assert entries.get().why == "old controller"


@pytest.mark.parametrize("protocol", ["opcua", "mqtt", "sparkplug"])
def test_every_word_of_a_form_is_for_the_translators(protocol: str) -> None:
    """Labels stand in a class and are shown in the reader's language only if they were marked."""
    marked = {
        node.args[0].value
        for path in Path(protocols.__path__[0]).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "late"
        if isinstance(node.args[0], ast.Constant)
    }
    for item in dataclasses.fields(connector_class(protocol).config_class):
        if item.metadata:
            assert {item.metadata["label"], item.metadata["help"]} <= marked
            assert {word for _, word in item.metadata.get("choices", ())} <= marked


def test_whoever_sees_a_line_looks_at_its_site_s_connections_and_changes_none(
    client: Client, line: Line
) -> None:
    connection = connection_make(line.site, slug="plc-7")
    elsewhere = connection_make(line_make().site, slug="plc-8")
    signal_make(line.units[0], "seen/address", connection=connection)
    account = account_make("engineer", line.line)
    client.force_login(account)
    listed = client.get("/connections/").content.decode()
    assert "plc-7" in listed
    assert "plc-8" not in listed
    page = client.get("/connections/plc-7/").content.decode()
    assert "seen/address" in page
    assert "/connections/plc-7/edit/" not in page
    assert client.get(f"/connections/{elsewhere.slug}/").status_code == 404
    assert client.get("/connections/plc-7/edit/").status_code == 403
    assert set(health.connections_heard(actor_for_person(account.person))) == {"plc-7"}
