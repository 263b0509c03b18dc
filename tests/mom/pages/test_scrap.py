"""Scrap with reasons from page and API, and rework: in the record, each figure with its evidence."""

from __future__ import annotations

from decimal import Decimal

import pytest
from django.test import Client

from plant.models import Reason
from plant.selectors import actor_for_person
from production import services
from production.models import CountAssertion
from tests.factories import plant as make
from tests.factories.production import at
from tests.factories.record import Told, order_told
from tests.mom.provenance.test_every_figure import computed_from, shown_on, texts_of

BACKEND = "django.contrib.auth.backends.ModelBackend"
pytestmark = pytest.mark.django_db


@pytest.fixture
def told(client: Client) -> Told:
    found = order_told()
    for code in ("SHORT", "LABEL"):
        reason = make.reason_make(code)
        Reason.objects.filter(pk=reason.pk).update(explains="scrap", time_class="", name_en=f"{code} told")
    client.force_login(make.user_make(found.supervisor), backend=BACKEND)
    return found


def test_scrap_is_told_by_page_and_api_and_the_record_closes(client: Client, told: Told) -> None:
    page = f"/lines/{told.line.line.code}/scrap/"
    record = f"/api/v1/job-orders/{told.order.code}/record"
    whole = sum(Decimal(row["quantity"]) for row in client.get(record).json()["scrap_reasons"])
    assert whole > 30
    given = {
        "machine": told.line.unit.code,
        "quantity": "9",
        "reason": "SHORT",
        "key": "k1",
        "order": "PO-TOLD",
    }
    assert client.post(f"{page}said/", given).status_code == 303
    said = CountAssertion.objects.get(reason__code="SHORT")
    part = {"entry": said.pk, "quantity": "4", "reason": "LABEL", "key": "k2"}
    assert client.post(f"{page}said/", part).status_code == 303
    rows = {
        row["reason_code"]: Decimal(row["quantity"]) for row in client.get(record).json()["scrap_reasons"]
    }
    assert rows == {"SHORT": 5, "LABEL": 4, "": whole - 9}
    last = CountAssertion.objects.get(reason__code="SHORT", superseded_by=None)
    answer = client.post("/api/v1/counts/reasons", {"entry": last.pk, "reason": "LABEL"}, "application/json")
    assert answer.status_code == 201, answer.content
    stale = client.post("/api/v1/counts/reasons", {"entry": last.pk, "reason": "SHORT"}, "application/json")
    assert stale.status_code == 409
    entry = answer.json()["id"]
    wrong = {"entry": entry, "portions": [{"quantity": "1", "reason": "SHORT"}]}
    assert client.post("/api/v1/counts/splits", wrong, "application/json").status_code == 400
    window = {"start": at(0).isoformat(), "end": at(7 * 86400).isoformat()}
    api = client.get(f"/api/v1/equipment/{told.line.line.code}/scrap", window).json()
    assert sum(Decimal(row["quantity"]) for row in api["rows"]) == Decimal(api["total"])
    shown = client.get(f"{page}?order={told.order.code}")
    assert shown.status_code == 200
    assert b"LABEL told" in shown.content


def test_rework_is_in_the_record_and_every_figure_opens_its_evidence(client: Client, told: Told) -> None:
    last = told.line.units[-1]
    for kind, quantity in (("rework", 8), ("rework_good", 5), ("rework_scrap", 1), ("scrap", 3)):
        services.count_assert(
            equipment_id=last.pk, start_time=at(0), end_time=at(3000), kind=kind, quantity=Decimal(quantity),
            by=actor_for_person(told.supervisor),
            job_order_id=told.order.pk, reason_code="SHORT" if kind == "scrap" else "",
        )  # fmt: skip
    found = client.get(f"/api/v1/job-orders/{told.order.code}/record").json()
    rework = {name: Decimal(found["rework"][name]) for name in ("sent", "good", "scrap", "remainder")}
    assert rework == {"sent": 8, "good": 5, "scrap": 1, "remainder": 2}
    good = next(row for row in found["quantities"] if row["kind"] == "good" and row["authoritative"])
    assert Decimal(good["quantity"]) - Decimal(found["rework"]["good_first"]) == 5
    pieces = {
        name: Decimal(found["pieces"][name])
        for name in ("started", "good", "scrap", "in_rework", "remainder")
    }
    assert pieces["started"] == sum(pieces[name] for name in ("good", "scrap", "in_rework", "remainder"))
    body = client.get(f"/orders/{told.order.code}/").content.decode()
    assert 'id="rework"' in body
    mine = [one for one in shown_on(body) if "/scrap/?" in one.href or "in_rework" in one.href]
    assert len(mine) >= 4
    for one in mine:
        value, kind = computed_from(client.get(one.href).content.decode())
        assert one.text in texts_of(value, kind), (one, value)
    window = f"start={at(0).isoformat()}&end={at(3590).isoformat()}".replace("+", "%2B")
    for figure in ("first_pass_yield", "final_yield", "rework_ratio"):
        answer = client.get(f"/api/v1/equipment/{last.code}/figures/{figure}?{window}").json()
        amounts = [
            sum((Decimal(row["amount"]) for row in term["rows"]), Decimal(0)) for term in answer["terms"]
        ]
        assert abs(Decimal(answer["shown"]) - amounts[0] / amounts[1]) < Decimal("0.000001"), figure
