"""What an operator scans and checks at a station: lots, badges, deep links, checks due."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any

import pytest

from mom.tablet.scan import read_code
from plant.models import Decision, Equipment
from quality.models import Nonconformance, TestResult
from tests.factories import plant as make
from tests.factories.quality import specification_make
from tests.factories.traceability import lot_make, movement_make
from tests.mom.tablet.shop import Shop, flash
from tests.mom.tablet.shop import shop as shop
from traceability.models import LotMovement

pytestmark = pytest.mark.django_db


# Scans


@pytest.mark.parametrize(
    ("text", "kind", "code"),
    [
        ("LOT-1", "", "LOT-1"),
        (" LOT:A/7 ", "lots", "A/7"),
        ("order=PO-9", "orders", "PO-9"),
        ("http://plant:8000/tablet/orders/OF-26-0411%20B/", "orders", "OF-26-0411 B"),
        ("https://x/tablet/lots/L1/", "lots", "L1"),
        ("/orders/PO-1/", "orders", "PO-1"),
        ("", "", ""),
    ],
)
def test_what_a_scanner_reads(text: str, kind: str, code: str) -> None:
    assert read_code(text) == (kind, code)


def bottles(shop: Shop, code: str = "BTL-1", quantity: int = 5000) -> Any:
    from plant.models import MaterialDefinition

    lot = lot_make(shop.line, MaterialDefinition.objects.get(code="BOTTLE-33"), code=code)
    movement_make(lot, "received", quantity)
    return lot


def test_a_scanned_lot_is_used_in_the_running_order_and_undone(shop: Shop) -> None:
    bottles(shop)
    for _ in range(2):
        assert shop.post("/tablet/scan/", {"code": "BTL-1", "key": "s1"}).status_code == 303
    used = LotMovement.objects.get(kind="consumed")
    assert (used.job_order, used.quantity, used.person) == (shop.order, Decimal(5000), shop.operator)
    home = shop.get("/tablet/")
    assert "BTL-1: 5,000 pcs" in home
    back = re.search(r'action="(/tablet/lots/[^"]+/return/\d+/)"', home)
    assert back
    shop.post(back[1])
    assert LotMovement.objects.filter(kind="returned", quantity=5000).count() == 1


def test_a_scan_uses_no_more_than_the_order_needs(shop: Shop) -> None:
    bottles(shop, quantity=100_000)
    shop.post("/tablet/scan/", {"code": "lot:BTL-1", "key": "s1"})
    assert LotMovement.objects.get(kind="consumed").quantity == shop.order.quantity


def test_a_wrong_lot_is_refused_with_what_was_read_and_a_supervisor_may_decide(
    shop: Shop,
) -> None:
    wrong = lot_make(shop.line, make.material_make("CAP-26", kind="packaging"), code="CAPS-9")
    movement_make(wrong, "received", 800)
    answer = shop.post("/tablet/scan/", {"code": "CAPS-9", "key": "s"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "CAPS-9: Material CAP-26 (CAP-26)" in page
    assert "Bottle 33 cl (BOTTLE-33)" in page
    assert not LotMovement.objects.filter(kind="consumed").exists()

    body = {"order": shop.order.code, "quantity": "800", "why": "caps of the same family", "key": "o"}
    operator = shop.post("/tablet/lots/CAPS-9/override/", {**body, "badge": "1002", "pin": "4321"})
    assert "may not decide this" in operator.content.decode()
    wrong_pin = shop.post("/tablet/lots/CAPS-9/override/", {**body, "badge": "1001", "pin": "9999"})
    assert "Wrong PIN" in wrong_pin.content.decode()
    no_reason = shop.post(
        "/tablet/lots/CAPS-9/override/", {**body, "why": " ", "badge": "1001", "pin": "4321"}
    )
    assert "Say why" in no_reason.content.decode()
    assert Decision.objects.count() == 0
    done = shop.post("/tablet/lots/CAPS-9/override/", {**body, "badge": "1001", "pin": "4321"})
    assert done.status_code == 303
    decision = Decision.objects.get()
    assert (decision.kind, decision.why, decision.said_by.badge) == (  # type: ignore[union-attr]
        "material_override", "caps of the same family", "1001",
    )  # fmt: skip
    assert LotMovement.objects.get(kind="consumed").quantity == 800
    assert shop.client.session["tablet_person"] == shop.operator.pk


def test_an_unknown_code_says_what_was_read_and_expected(shop: Shop) -> None:
    answer = shop.post("/tablet/scan/", {"code": "4006381333931", "key": "s"})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert "4006381333931" in page
    assert "a lot of Bottle 33 cl" in page


def test_a_scanned_badge_asks_for_its_pin(shop: Shop) -> None:
    shop.post("/tablet/leave/")
    answer = shop.post("/tablet/scan/", {"code": "1002", "key": "s"}, headers={"Accept": "application/json"})
    assert answer.json() == {"where": "/tablet/badge/?badge=1002"}
    assert shop.post("/tablet/scan/", {"code": "1002", "key": "t"}).status_code == 302


def test_a_lot_s_deep_link_takes_a_typed_quantity(shop: Shop) -> None:
    bottles(shop)
    assert "5,000" in shop.get("/tablet/lots/BTL-1/")
    shop.post("/tablet/lots/BTL-1/use/", {"quantity": "12,5", "key": "u"})
    assert LotMovement.objects.get(kind="consumed").quantity == Decimal("12.5")
    assert shop.post("/tablet/lots/BTL-1/use/", {"quantity": "many", "key": "v"}).status_code == 422


# Checks and calls


def test_a_check_due_is_entered_and_judged_at_once(shop: Shop) -> None:
    unit = Equipment.objects.get(code="L2-CAP")
    check = specification_make(unit)
    assert 'class="t-badge">1<' in shop.get("/tablet/")
    page = shop.get(f"/tablet/checks/{check.code}/")
    assert "1.3" in page
    assert "2.1" in page
    shop.post(f"/tablet/checks/{check.code}/", {"value": "1,7", "key": "q1"})
    assert "within limits" in flash(shop)
    shop.post(f"/tablet/checks/{check.code}/", {"value": "2.9", "key": "q2"})
    assert Nonconformance.objects.get().code in flash(shop)
    assert [row.judgement for row in TestResult.objects.order_by("pk")] == ["pass", "fail"]
    assert TestResult.objects.order_by("pk")[0].person == shop.operator
    assert shop.post(f"/tablet/checks/{check.code}/", {"value": "x", "key": "q3"}).status_code == 422
