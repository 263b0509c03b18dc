"""What somebody signed stays as signed; what is known later stands beside it, with why."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal

import pytest
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from mom.pages import reading
from mom.signing.figures import changes, digest_of, figures_of
from mom.signing.models import Restatement, ShiftReport
from mom.signing.services import SigningRefused, restatements_find, shift_acknowledge, shift_sign
from plant.access import Actor, rule
from plant.models import CalendarSlot, Person
from plant.selectors import actor_for_person
from production import selectors as production
from production import services
from tests.factories.pages import Plant, plant_running

pytestmark = pytest.mark.django_db
SIGNED_BY, TAKEN_BY = "1001", "1002"


@pytest.fixture
def plant() -> Iterator[Plant]:
    reading.forget()
    yield plant_running(now=timezone.now() - timedelta(hours=5))
    reading.forget()


def shift_of(plant: Plant) -> CalendarSlot:
    """The morning shift of line 2: over by now, and data of half of it."""
    return CalendarSlot.objects.get(line=plant.lines[1], code="M")


def person(badge: str) -> Actor:
    return actor_for_person(Person.objects.get(badge=badge))


def later_reason(plant: Plant) -> None:
    """Somebody says, a day late, what an uncoded stop was."""
    told = production.line_shift(line_id=plant.lines[1].pk, shift=shift_of(plant))
    assert told is not None
    stop = next(c for c in told.missing.causes if c.kind == "uncoded").events[0]
    services.reason_assert(
        equipment_id=told.kpi.paced_by.pk,
        start_time=stop.start,
        end_time=stop.end,
        reason_code="CLEAN",
        by=person(TAKEN_BY),
    )


def test_late_truth_is_restated_and_never_rewrites_what_was_signed(plant: Plant) -> None:
    report = shift_sign(shift=shift_of(plant), by=person(SIGNED_BY), notes="Capper noisy")
    assert report.digest == digest_of(report.figures)
    assert restatements_find() == 0, "nothing new, nothing said"
    signed = dict(report.figures)
    later_reason(plant)
    assert restatements_find() == 1
    assert restatements_find() == 0, "said once"
    report.refresh_from_db()
    assert report.figures == signed
    [restated] = Restatement.objects.all()
    assert "uncoded_seconds" in restated.changes
    before, after = restated.changes["uncoded_seconds"]
    assert before == signed["uncoded_seconds"]
    assert Decimal(after) < Decimal(before)
    assert [said["reason"] for said in restated.causes["reasons"]] == ["CLEAN"]
    assert "good" not in restated.changes, "a reason makes no pieces"


def test_the_database_keeps_it(plant: Plant) -> None:
    report = shift_sign(shift=shift_of(plant), by=person(SIGNED_BY))
    for statement in (
        lambda: ShiftReport.objects.filter(pk=report.pk).update(notes="never said"),
        lambda: ShiftReport.objects.filter(pk=report.pk).delete(),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            statement()


def test_who_may_sign_and_when(plant: Plant) -> None:
    shift = shift_of(plant)
    with pytest.raises(PermissionDenied):
        shift_sign(shift=shift, by=person(TAKEN_BY))
    with pytest.raises(SigningRefused, match="not ended"):
        shift_sign(shift=shift, by=person(SIGNED_BY), at=shift.end_time - timedelta(seconds=1))
    first = shift_sign(shift=shift, by=person(SIGNED_BY))
    with pytest.raises(SigningRefused, match="why it is signed again"):
        shift_sign(shift=shift, by=person(SIGNED_BY))
    second = shift_sign(shift=shift, by=person(SIGNED_BY), notes="count corrected")
    assert second.supersedes == first
    with pytest.raises(SigningRefused, match="newer one"):
        shift_acknowledge(report=first, by=person(TAKEN_BY))
    with pytest.raises(SigningRefused, match="takes two"):
        shift_acknowledge(report=second, by=person(SIGNED_BY))
    taken = shift_acknowledge(report=second, by=person(TAKEN_BY))
    assert taken.person == Person.objects.get(badge=TAKEN_BY)
    assert shift_acknowledge(report=second, by=person(TAKEN_BY)) == taken, "two taps are one hand-over"
    with pytest.raises(SigningRefused, match="only a person"):
        shift_acknowledge(report=second, by=rule("test"))


@pytest.mark.parametrize("language", ["en", "fr"])
def test_signed_taken_over_and_corrected_on_the_page(client: Client, plant: Plant, language: str) -> None:
    assert plant.supervisor is not None
    client.force_login(plant.supervisor, backend="django.contrib.auth.backends.ModelBackend")
    client.cookies["language"] = language
    shift = shift_of(plant)
    address = f"/lines/L2/shifts/{shift.production_day}/M/"
    assert client.get("/lines/L2/shifts/last/")["Location"].startswith("/lines/L2/shifts/")
    form = {"notes": "Capper <noisy>", "password": "right-horse-battery"}
    client.post(f"{address}sign/", {**form, "password": "wrong"})
    client.post(f"{address}sign/", {**form, "digest": "0" * 64})
    assert not ShiftReport.objects.exists(), "neither with another's password nor unseen"
    shown = client.get(address).context["digest"]
    assert client.post(f"{address}sign/", {**form, "digest": shown}).status_code == 302
    body = client.get(address).content.decode()
    assert "Capper &lt;noisy&gt;" in body
    assert 'id="changed"' not in body
    later_reason(plant)
    shift_acknowledge(report=ShiftReport.objects.get(), by=person(TAKEN_BY))
    restatements_find()
    body = client.get(address).content.decode()
    assert 'id="changed"' in body
    assert "Youssef Benali" in body
    assert "style=" not in body


def test_a_rule_signs_nothing(plant: Plant) -> None:
    with pytest.raises(SigningRefused, match="only a person"):
        shift_sign(shift=shift_of(plant), by=rule("test"))
    assert not ShiftReport.objects.exists()


figures = st.recursive(
    st.dictionaries(st.text("abc", min_size=1), st.none() | st.text("0123")),
    lambda inner: st.dictionaries(st.text("xyz", min_size=1), inner | st.none() | st.text("0123")),
)


@given(figures, figures)
def test_differences_are_none_exactly_where_nothing_differs(before, after) -> None:  # type: ignore[no-untyped-def]
    assert changes(before, before) == {}
    found = changes(before, after)
    assert {path: [b, a] for path, (a, b) in changes(after, before).items()} == found
    if digest_of(before) == digest_of(after):
        assert found == {}


def test_figures_are_plain_data(plant: Plant) -> None:
    told = production.line_shift(line_id=plant.lines[1].pk, shift=shift_of(plant))
    assert told is not None
    found = figures_of(told)
    assert sum(map(Decimal, found["causes"].values())) == Decimal(found["possible"]) - Decimal(found["good"])
    assert sum(map(Decimal, found["seconds"].values())) == Decimal(str(told.kpi.account.span.total_seconds()))
