"""A changeover's checklist ticked at the line: its times by the tap, each tap once, refusals said."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from production.models import ChangeoverStandard, ChangeoverStep, ChangeoverStepAssertion, JobOrder
from tests.mom.tablet.shop import Shop
from tests.mom.tablet.shop import shop as shop

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def steps(shop: Shop) -> list[ChangeoverStep]:
    standard = ChangeoverStandard.objects.create(line=shop.line, seconds=1200)
    return [
        ChangeoverStep.objects.create(
            changeover=standard, code=code, name_en=code.title(), position=position, is_external=not position
        )
        for position, code in enumerate(("PARTS", "FORMAT"))
    ]


def next_order(shop: Shop) -> JobOrder:
    return JobOrder.objects.filter(line=shop.line, state="allowed_to_start").order_by("sequence")[0]


def test_a_tap_that_waited_is_kept_once_with_its_own_time(shop: Shop, steps: list[ChangeoverStep]) -> None:
    order = next_order(shop)
    where = f"/tablet/orders/{order.code}/changeover/"
    assert f'href="{where}"' in shop.get(f"/tablet/orders/{order.code}/")
    assert "2 steps left" in shop.get(where)
    tapped = timezone.now() - 12 * MINUTE
    for act, waited in (("start", 12), ("done", 4)):
        headers = {
            "Idempotency-Key": f"k-{act}",
            "X-Outbox": "now",
            "X-Tapped-At": (timezone.now() - waited * MINUTE).isoformat(),
            "X-Sent-At": timezone.now().isoformat(),
        }
        for _again in range(2):
            answer = shop.post(where, {"step": str(steps[0].pk), "act": act}, headers=headers)
            assert answer.status_code < 400, answer.content
    said = list(ChangeoverStepAssertion.objects.order_by("pk"))
    assert len(said) == 2, "each tap once, however often it was sent"
    assert said[1].supersedes == said[0]
    assert said[1].start_time is not None
    assert said[1].end_time is not None
    assert abs(said[1].start_time - tapped) < MINUTE
    assert abs(said[1].end_time - said[1].start_time - 8 * MINUTE) < MINUTE
    assert (said[1].said_by, said[1].said_on_id is not None) == (shop.operator, True)
    body = shop.get(where)
    assert "1 step left" in body
    assert "1 step left" in body.split('data-step="PARTS"')[0]


def test_a_step_done_already_is_refused_with_words_and_taken_back(
    shop: Shop, steps: list[ChangeoverStep]
) -> None:
    order = next_order(shop)
    where = f"/tablet/orders/{order.code}/changeover/"
    tick = {"step": str(steps[1].pk), "act": "done"}
    assert shop.post(where, {**tick, "key": "a"}).status_code == 303
    refused = shop.post(where, {**tick, "key": "b"})
    assert refused.status_code == 409
    assert "done already" in refused.content.decode()
    assert shop.post(where, {**tick, "act": "undo", "key": "c"}).status_code == 303
    assert "2 steps left" in shop.get(where)
    assert ChangeoverStepAssertion.objects.count() == 2


def test_the_order_opens_its_record_and_the_record_leads_back(shop: Shop) -> None:
    body = shop.get(f"/tablet/orders/{shop.order.code}/")
    assert f'href="/orders/{shop.order.code}/"' in body
    assert 'href="/tablet/"' in shop.get(f"/orders/{shop.order.code}/")
