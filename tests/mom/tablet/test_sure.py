"""Absurd numbers are asked about with one more tap, and then taken: nothing is refused for being odd."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from mom.tablet.sure import far_limits, is_far
from production.models import CountAssertion
from quality.models import TestResult, TestSpecification
from tests.mom.tablet.shop import Shop
from tests.mom.tablet.shop import shop as shop

pytestmark = pytest.mark.django_db


def test_a_count_of_ten_times_what_can_be_made_is_asked_about_and_then_kept(shop: Shop) -> None:
    most = Decimal(re.search(r'name="good"[^>]*data-most="([0-9.]+)"', shop.get("/tablet/count/"))[1])  # type: ignore[index]
    typed = str(int(most) * 2)
    asked = shop.post("/tablet/count/", {"good": typed, "scrap": "", "key": "a"})
    assert asked.status_code == 422
    page = asked.content.decode()
    assert 'name="sure"' in page
    assert f'value="{typed}"' in page
    assert not CountAssertion.objects.exists()
    body = {"good": typed, "scrap": "", "key": "b", "sure": "yes"}
    assert shop.post("/tablet/count/", body).status_code == 303
    assert CountAssertion.objects.get().quantity == int(typed)


def test_a_believable_count_is_kept_at_once(shop: Shop) -> None:
    assert shop.post("/tablet/count/", {"good": "120", "scrap": "3", "key": "a"}).status_code == 303
    assert CountAssertion.objects.count() == 2


def test_a_value_far_outside_its_limits_is_asked_about_and_then_kept(shop: Shop) -> None:
    check = TestSpecification.objects.filter(
        equipment__path__startswith=shop.line.path, lower__isnull=False, upper__isnull=False
    ).first()
    if check is None:
        first = TestSpecification.objects.first()
        unit: Any = shop.line.children.first()  # type: ignore[attr-defined]
        values = {"lower": Decimal(495), "upper": Decimal(505), "unit": "g", "name_en": "Weight"}
        owner = {"department": first.department} if first else {}
        check = TestSpecification.objects.create(code="WEIGHT-X", equipment=unit, **owner, **values)
    assert check.upper is not None
    far = str(check.upper * 100)
    asked = shop.post(f"/tablet/checks/{check.code}/", {"value": far, "key": "a"})
    assert asked.status_code == 422
    assert "far outside" in asked.content.decode()
    before = TestResult.objects.count()
    body = {"value": far, "key": "b", "sure": "yes"}
    assert shop.post(f"/tablet/checks/{check.code}/", body).status_code == 303
    assert TestResult.objects.count() == before + 1


def test_far_is_three_widths_of_the_limits_beyond_them() -> None:
    assert far_limits(Decimal(490), Decimal(510)) == (430, 570)
    assert not is_far(Decimal(570), Decimal(490), Decimal(510))
    assert is_far(Decimal(571), Decimal(490), Decimal(510))
    assert not is_far(Decimal(-5), None, Decimal(8))
    assert is_far(Decimal(33), None, Decimal(8))
    assert not is_far(Decimal(10**9), None, None)
