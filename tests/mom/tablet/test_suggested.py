"""Suggestions on the tablet's page of a stop, and a rule that spoke while somebody was about to tap."""

from __future__ import annotations

import pytest

from plant.models import Reason
from production.models import ReasonAssertion, ReasonRule
from tests.mom.tablet.shop import Shop, seen, shop  # noqa: F401

pytestmark = pytest.mark.django_db


def test_suggestions_stand_before_the_tiles_with_their_cause(shop: Shop) -> None:  # noqa: F811
    page = shop.get(f"/tablet/stops/{shop.ended().pk}/")
    assert 1 <= page.count("data-suggested=") <= 3
    assert page.index("data-suggested=") < page.index('id="reasons"')
    assert "of the last" in page


def test_a_tap_holds_over_a_rule_that_spoke_meanwhile(shop: Shop) -> None:  # noqa: F811
    stop = shop.ended()
    as_seen = f"{seen(stop)}|0"
    clean = Reason.objects.get(code="CLEAN")
    rule = ReasonRule.objects.create(code="R1", fault_code="E17", reason=clean)
    auto = ReasonAssertion.objects.create(
        equipment=stop.work_unit, start_time=stop.start_time, end_time=stop.end_time, reason=clean, rule=rule,
        said_by_rule="auto: rule R1", said_at=stop.start_time,
    )  # fmt: skip
    answer = shop.post(f"/tablet/stops/{stop.pk}/", {"reason": "JAM", "stop": as_seen, "key": "k1"})
    assert answer.status_code == 303
    said = ReasonAssertion.objects.order_by("-pk")[0]
    assert said.reason is not None
    assert (said.reason.code, said.supersedes_id) == ("JAM", auto.pk)
