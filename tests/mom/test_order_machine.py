"""An order is sent from its page to a machine, which begins and ends it by its own word."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from connectors.domain.columns import Columns, micros
from connectors.protocols.opcua import OpcUaConfig, OpcUaConnector
from connectors.services import samples_ingest
from plant.models import AuditEntry
from production.models import JobOrder
from production.services import stitch
from tests.connectors.job_machine import RECEIVER, URI
from tests.connectors.peers import collect, free_port, values
from tests.connectors.test_opcua_jobs import JOBS, job_machine
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import Line, account_make, line_make
from tests.factories.production import order_make

pytestmark = pytest.mark.django_db


def machine_of(line: Line, port: int) -> dict[str, Any]:
    config = {
        "endpoint": f"opc.tcp://127.0.0.1:{port}/",
        "security": "none",
        "publishing_ms": 50.0,
        "job_receiver": f"nsu={URI};{RECEIVER}",
    }
    made = connection_make(line.site, slug="filler", protocol="opcua", config=config)
    signal_make(line.unit, JOBS, connection=made, role="order")
    return config


def supervisor_of(line: Line, client: Client, role: str = "supervisor") -> Client:
    client.force_login(account_make(role, line.site))
    return client


def send(client: Client, order: JobOrder, verb: str) -> str:
    said = {"connection": "filler", "verb": verb, "why": "now"}
    answer = client.post(f"/orders/{order.code}/machine/", said, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_an_order_sent_is_begun_and_ended_when_the_machine_says_so(client: Client) -> None:
    line = line_make(1)
    order = order_make(line, quantity=250)
    with job_machine() as machine:
        config = machine_of(line, machine.port)
        supervisor_of(line, client)
        assert "Send to machine" in client.get(f"/orders/{order.code}/change/").content.decode()
        assert f"took {order.code}" in send(client, order, "store_and_start")
        assert machine.says().startswith(f"took {order.code} {order.product.code} 250 ")
        assert "cannot accept the order" in send(client, order, "store")
        start = timezone.now().replace(microsecond=0) - timedelta(minutes=30)
        end = start + timedelta(minutes=20)
        machine.obey(f"begin {order.code} {start.isoformat()}")
        machine.obey(f"end {order.code} {end.isoformat()}")
        connector = OpcUaConnector(OpcUaConfig.from_mapping(config, addresses=(JOBS,)))
        batches = asyncio.run(collect(connector, lambda b: len(values(b, JOBS)) >= 2, seconds=60))
    sent = AuditEntry.objects.filter(subject_code=order.code, action__startswith="job.").order_by("pk")
    assert [(one.action, (one.after or {})["status"], one.why) for one in sent] == [
        ("job.store_and_start", 1, "now"),
        ("job.store", 16, "now"),
    ]
    told = [sample for batch in batches for sample in batch.samples]
    columns = Columns.of(iter(told), arrival_time=micros(timezone.now()))
    samples_ingest(connection="filler", samples=columns, now=timezone.now(), watermark=timezone.now())
    stitch(work_unit_id=line.unit.pk)
    order.refresh_from_db()
    assert (order.state, order.started_at, order.ended_at) == ("ended", start, end)


def test_a_machine_that_does_not_answer_is_said_and_on_record(client: Client) -> None:
    line = line_make(1)
    order = order_make(line)
    machine_of(line, free_port())
    assert "filler" in send(supervisor_of(line, client), order, "store_and_start")
    [entry] = AuditEntry.objects.filter(action="job.store_and_start")
    after = entry.after or {}
    assert after["status"] is None
    assert after["problems"] != []
    address = f"/api/v1/job-orders/{order.code}/machines"
    told = client.get(address).json()
    assert (told["machines"], len(told["sent"])) == (["filler"], 1)
    said = {"machine": "filler", "command": "cancel", "why": "later"}
    answer = client.post(address, said, content_type="application/json")
    assert answer.status_code == 201
    first = answer.json()["sent"][0]
    assert (first["command"], first["why"], first["accepted"], first["status"]) == (
        "cancel",
        "later",
        False,
        None,
    )
    for wrong in ({**said, "machine": "none"}, {**said, "command": "eat"}):
        assert client.post(address, wrong, content_type="application/json").status_code == 400


def test_only_who_plans_sends_and_only_to_machines_of_the_line(client: Client) -> None:
    line, elsewhere = line_make(1), line_make(1)
    order = order_make(line)
    machine_of(elsewhere, free_port())
    supervisor_of(line, client)
    assert "Send to machine" not in client.get(f"/orders/{order.code}/change/").content.decode()
    said = {"connection": "filler", "verb": "store"}
    assert client.post(f"/orders/{order.code}/machine/", said).status_code == 404
    assert supervisor_of(line, Client(), "operator").post(f"/orders/{order.code}/machine/").status_code == 403
    assert not AuditEntry.objects.filter(action__startswith="job.").exists()
