"""On the tablet: the plan of a stop once it has a reason, and what each reason led to on its tile."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mom.improvement.services import action_open
from mom.pages import why
from mom.reactions.models import ReactionPlan
from mom.templatetags.acting import why_words
from plant.access import rule
from plant.models import Reason
from production.models import ReasonAssertion
from tests.mom.tablet.shop import Shop, shop  # noqa: F401

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def test_after_coding_the_page_says_who_comes_within_how_long(shop: Shop) -> None:  # noqa: F811
    ReactionPlan.objects.create(
        code="P", reason=Reason.objects.get(code="MECH"), role="maintenance", calls="maintenance",
        within=5 * MINUTE, authority_en="May stop the order", escalate_after=30 * MINUTE,
        escalates_to="engineer",
    )  # fmt: skip
    stop = next(each for each in shop.waiting() if each.end_time is None)
    path = f"/tablet/stops/{stop.pk}/"
    assert 'id="reaction"' not in shop.get(path)
    ReasonAssertion.objects.create(
        equipment=stop.work_unit, start_time=stop.start_time, reason=Reason.objects.get(code="MECH"),
        said_at=timezone.now() - 2 * MINUTE,
    )  # fmt: skip
    page = shop.get(path)
    assert "Maintenance within 5 min" in page
    assert "3 min left" in page
    assert "May stop the order" in page
    assert "after 30 min: Engineer" in page


def test_a_tile_says_what_its_reason_led_to_and_when_nothing_did(shop: Shop) -> None:  # noqa: F811
    path = f"/tablet/stops/{shop.ended().pk}/"
    why.forget()
    assert "nothing came of it yet" in shop.get(path)
    action_open(
        title="Wider infeed", equipment_code="L2-FILL", owner_badge="1003", reason_code="JAM",
        by=rule("test"), due_on=timezone.now().date(), at=timezone.now(),
    )  # fmt: skip
    why.forget()
    said = why.why_by_reason(shop.line)["JAM"]
    assert (said.actions, said.requests) == (1, 0)
    assert said.times > 0
    assert why_words(said) in shop.get(path)
    assert why_words(said).endswith("30 days: 1 action")
    assert why_words(None) == ""
