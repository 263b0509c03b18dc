"""A finished order is signed as it was; what is known later stands beside it, with what it came from."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone, translation

from connectors.domain.columns import Columns, micros
from connectors.selectors import signals_for
from connectors.services import samples_ingest
from mom.record.compose import operational_record
from mom.signing.figures import digest_of, order_figures
from mom.signing.models import OrderRestatement, OrderSignature
from mom.signing.orders import is_due, order_restatements_find, order_sign
from mom.signing.services import SigningRefused
from plant.access import rule
from plant.domain.samples import Sample
from plant.selectors import actor_for_person
from plant.selectors.actors import DEVICE_COOKIE
from production import services
from production.models import ReasonAssertion
from production.services.assertions import reason_assert
from tests.factories import plant as make
from tests.factories.production import at, order_make
from tests.factories.record import Told, order_told

pytestmark = pytest.mark.django_db
BACKEND = "django.contrib.auth.backends.ModelBackend"


def later(hours: float = 0) -> datetime:
    """After everything that was recorded so far."""
    return timezone.now() + timedelta(hours=hours)


PASSWORD = "right-horse-battery"


@pytest.fixture
def told() -> Told:
    return order_told()


def known(told: Told) -> dict[str, Any]:
    return order_figures(operational_record(told.order.code, now=later()))


def sign(told: Told, **more: Any) -> OrderSignature:
    given = {"job_order": told.order, "by": actor_for_person(told.supervisor), "at": later(), **more}
    return order_sign(**given)


def recoded(told: Told) -> None:
    """What the jam really was: said the next day."""
    make.reason_make("MECH", equipment_class=told.line.unit.equipment_class, time_class="own_other")
    earlier = ReasonAssertion.objects.get(reason__code="JAM")
    reason_assert(
        equipment_id=told.line.unit.pk,
        start_time=earlier.start_time,
        end_time=earlier.end_time,
        reason_code="MECH",
        by=actor_for_person(told.operator),
        supersedes=earlier.pk,
        at=later(1),
    )


def client_of(told: Told) -> Client:
    client = Client()
    client.force_login(make.user_make(told.supervisor), backend=BACKEND)
    return client


def test_figures_hold_no_words_of_a_language(told: Told) -> None:
    found = []
    for language in ("en", "fr"):
        with translation.override(language):
            found.append(digest_of(known(told)))
    assert found[0] == found[1]


def test_a_signed_record_stays_as_signed_and_says_what_changed_it(told: Told) -> None:
    signature = sign(told)
    assert (signature.version, signature.signed_name) == (1, told.supervisor.name)
    assert signature.digest == digest_of(signature.figures) == digest_of(known(told))
    assert order_restatements_find(now=later(0.1)) == 0
    recoded(told)
    assert order_restatements_find(now=later(2)) == 1
    assert order_restatements_find(now=later(3)) == 0, "said once"
    [restated] = OrderRestatement.objects.all()
    code = told.line.unit.code
    assert restated.changes[f"stops/{code} JAM"] == ["300", None]
    assert restated.changes[f"stops/{code} MECH"] == [None, "300"]
    assert "good" not in restated.changes
    [reason] = restated.causes["reasons"]
    assert (reason["before"], reason["reason"], reason["by"]) == ("JAM", "MECH", str(told.operator))


def test_each_difference_names_its_own_cause(told: Told) -> None:
    signature = sign(told)
    recoded(told)
    answer = client_of(told).get(f"/api/v1/job-orders/{told.order.code}/signatures").json()
    assert answer["signatures"][0]["figures"] == signature.figures
    rows = {row["figure"]: row for row in answer["differences"]}
    jam = rows[f"stops/{told.line.unit.code} JAM"]
    assert (jam["signed"], jam["known"]) == ("300", None)
    assert [cause["kind"] for cause in jam["causes"]] == ["reasons"]
    assert jam["causes"][0]["by"] == str(told.operator)
    assert jam["causes"][0]["what"]["reason"] == "MECH"


def came_late(told: Told) -> None:
    """The constraint had stood still for five minutes more: its values came after the signature."""
    unit = told.line.unit
    [source] = {signal.connection.slug for signal in signals_for(equipment_id=unit.pk)}
    said = ((2000, 9), (2300, 6))
    samples = [Sample(f"{unit.code}/state", at(s), value, source_key=b"late") for s, value in said]
    arrived = later(1)
    samples_ingest(
        connection=source, samples=Columns.of(iter(samples), arrival_time=micros(arrived)), now=arrived
    )
    services.stitch(work_unit_id=unit.pk)


def test_late_values_are_named_as_what_they_are(told: Told) -> None:
    signature = sign(told)
    came_late(told)
    answer = client_of(told).get(f"/api/v1/job-orders/{told.order.code}/signatures").json()
    rows = {row["figure"]: row for row in answer["differences"]}
    ran = rows["seconds/running"]
    assert ran["signed"] == signature.figures["seconds"]["running"]
    assert int(ran["signed"]) - int(ran["known"]) == 300
    [cause] = ran["causes"]
    assert (cause["kind"], cause["what"]["count"], cause["what"]["role"]) == ("late_state", 2, "state")
    assert cause["what"]["equipment"] == told.line.unit.code
    assert "good" not in rows


def test_of_two_things_recorded_each_difference_names_its_own(told: Told) -> None:
    """Another reason for one stop, and a stop nobody knew of: neither is told as the cause of the other."""
    sign(told)
    recoded(told)
    came_late(told)
    answer = client_of(told).get(f"/api/v1/job-orders/{told.order.code}/signatures").json()
    kinds = {row["figure"]: {cause["kind"] for cause in row["causes"]} for row in answer["differences"]}
    code = told.line.unit.code
    assert kinds[f"stops/{code} JAM"] == {"reasons"}
    assert kinds[f"stops/{code} -"] == {"late_state"}
    assert kinds["seconds/running"] == {"late_state"}
    assert kinds["uncoded_seconds"] == {"late_state"}


def test_signing_again_is_a_new_version_and_says_why(told: Told) -> None:
    first = sign(told)
    with pytest.raises(SigningRefused, match="signed again"):
        sign(told)
    recoded(told)
    second = sign(told, notes="reason corrected", at=later(2))
    assert (second.version, second.supersedes) == (2, first)
    first.refresh_from_db()
    assert first.figures["stops"] != second.figures["stops"]
    assert order_restatements_find(now=later(3)) == 0


def test_an_older_signature_is_compared_once_a_day() -> None:
    signature = OrderSignature(pk=1234, said_at=timezone.now())
    day = [signature.said_at + timedelta(days=9, minutes=15 * n) for n in range(96)]
    assert [is_due(signature, at) for at in day].count(True) == 1
    assert is_due(signature, signature.said_at + timedelta(days=2))


def test_the_database_keeps_it(told: Told) -> None:
    signature = sign(told)
    for statement in (
        lambda: OrderSignature.objects.filter(pk=signature.pk).update(notes="never said"),
        lambda: OrderSignature.objects.filter(pk=signature.pk).delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            statement()


def test_who_may_sign_what_and_when(told: Told) -> None:
    with pytest.raises(PermissionDenied):
        sign(told, by=actor_for_person(told.operator))
    with pytest.raises(SigningRefused, match="only a person"):
        sign(told, by=rule("test"))
    with pytest.raises(SigningRefused, match="changed while"):
        sign(told, seen="0" * 64)
    with pytest.raises(SigningRefused, match="not ended"):
        sign(told, job_order=order_make(told.line, code="PO-NEXT"))
    assert not OrderSignature.objects.exists()


@pytest.mark.parametrize("language", ["en", "fr"])
def test_signed_and_corrected_on_the_page(told: Told, language: str) -> None:
    client = client_of(told)
    client.cookies["language"] = language
    address = f"/orders/{told.order.code}/"
    page = client.get(address)
    form = {"notes": "Checked <twice>", "password": "wrong", "digest": page.context["digest"]}
    client.post(f"{address}sign/", form)
    assert not OrderSignature.objects.exists()
    client.post(f"{address}sign/", {**form, "password": PASSWORD})
    assert OrderSignature.objects.get().signed_with == "password"
    body = client.get(address).content.decode()
    assert "Checked &lt;twice&gt;" in body
    assert 'id="changed"' not in body
    recoded(told)
    body = client.get(address).content.decode()
    assert 'id="changed"' in body
    assert f'data-figure="stops/{told.line.unit.code} JAM"' in body
    assert "style=" not in body


def tablet_of(told: Told) -> Client:
    _device, secret = make.device_make(told.line.line)
    client = Client()
    client.cookies[DEVICE_COOKIE] = secret
    client.post("/tablet/badge/", {"badge": told.supervisor.badge, "pin": "4321"})
    return client


def test_badge_and_pin_sign_on_an_enrolled_tablet(told: Told) -> None:
    client, address = tablet_of(told), f"/orders/{told.order.code}/"
    page = client.get(address)
    assert 'name="pin"' in page.content.decode()
    form = {"badge": told.supervisor.badge, "digest": page.context["digest"]}
    client.post(f"{address}sign/", {**form, "pin": "0000"})
    assert not OrderSignature.objects.exists()
    client.post(f"{address}sign/", {**form, "pin": "4321"})
    found = OrderSignature.objects.get()
    assert (found.signed_with, found.said_by, found.said_on is not None) == ("pin", told.supervisor, True)


def test_five_wrong_pins_lock_signing_too(told: Told) -> None:
    client, address = tablet_of(told), f"/orders/{told.order.code}/sign/"
    for pin in ("0000", "0001", "0002", "0003", "0004", "4321"):
        client.post(address, {"badge": told.supervisor.badge, "pin": pin})
    assert not OrderSignature.objects.exists()


def test_a_pin_is_no_proof_away_from_a_tablet(told: Told) -> None:
    answer = client_of(told).post(
        f"/api/v1/job-orders/{told.order.code}/signatures",
        {"digest": digest_of(known(told)), "badge": told.supervisor.badge, "pin": "4321"},
        content_type="application/json",
    )
    assert answer.status_code == 400
    assert "tablet" in answer.json()["detail"]


def test_signing_by_rest_is_once_per_key(told: Told) -> None:
    client, address = client_of(told), f"/api/v1/job-orders/{told.order.code}/signatures"
    digest = client.get(address).json()["digest"]
    body = {"digest": digest, "password": PASSWORD}
    headers = {"Idempotency-Key": "k1"}
    first = client.post(address, body, content_type="application/json", headers=headers)
    again = client.post(address, body, content_type="application/json", headers=headers)
    assert (first.status_code, again.status_code) == (201, 201), first.content
    [signature] = again.json()["signatures"]
    assert (signature["version"], signature["digest"], signature["person"]) == (
        1,
        digest,
        told.supervisor.badge,
    )
