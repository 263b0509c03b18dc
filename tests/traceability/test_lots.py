"""Scans: what is accepted, what is refused and how it is said."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.db import ProgrammingError, connection, transaction
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from plant.models import AuditEntry, Decision, Revision
from tests.factories.plant import actor_make, line_make, material_make
from tests.factories.traceability import Bottling, bottling_make, lot_make, minutes, movement_make, order_make
from traceability import selectors, services
from traceability.domain.balance import lot_balance
from traceability.models import LotMovement, MaterialShortage

KINDS = [kind.value for kind in LotMovement.Kind]


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.decimals("0.001", "1000", places=3)), max_size=30))
def test_the_mass_balance_of_a_lot_closes(movements: list[tuple[str, Decimal]]) -> None:
    sums = lot_balance(movements)
    came = sums.received + sums.produced
    assert came == sums.used + sums.scrapped + sums.on_hand + sums.shipped + sums.remainder
    assert sums.on_hand >= 0


def test_a_stock_count_shows_what_is_missing() -> None:
    sums = lot_balance([("received", Decimal(100)), ("consumed", Decimal(60)), ("adjusted", Decimal(-3))])
    assert (sums.on_hand, sums.remainder) == (Decimal(37), Decimal(3))


@pytest.fixture
def scene(db: None) -> Bottling:
    return bottling_make()


def consume(scene: Bottling, lot_code: str, **changes: Any) -> LotMovement:
    values: dict[str, Any] = {
        "job_order_id": scene.order.pk,
        "lot_code": lot_code,
        "equipment_id": scene.line.unit.pk,
        "quantity": Decimal("12.5"),
        "at": minutes(5),
        "by": scene.operator,
    }
    return services.lot_consume(**{**values, **changes})


def test_a_scan_is_stored_with_who_when_and_where(scene: Bottling) -> None:
    before = Revision.objects.filter(line=scene.line.line).values_list("value", flat=True).first() or 0
    movement = consume(scene, scene.caps.code)
    assert (movement.quantity, movement.unit, movement.equipment) == (Decimal("12.5"), "pcs", scene.line.unit)
    assert movement.person_id == scene.operator.person_id
    assert AuditEntry.objects.get(action="lot.consumed").subject_code == scene.caps.code
    assert Revision.objects.get(line=scene.line.line).value == before + 1
    assert [m.lot for m in selectors.movements_for_order(job_order_id=scene.order.pk)] == [scene.caps]


def test_a_material_the_order_does_not_expect_is_refused_with_both_sides(scene: Bottling) -> None:
    labels = lot_make(scene.line.site)
    with pytest.raises(services.LotNotInBom) as refusal:
        consume(scene, labels.code)
    for word in (labels.code, labels.material.code, scene.caps.material.code, scene.bottles.material.code):
        assert word in str(refusal.value)
    assert not LotMovement.objects.exists()
    assert selectors.material_answer(job_order_id=scene.order.pk).verdict == "not_known"


def test_an_override_is_a_decision_of_someone_who_may(scene: Bottling) -> None:
    labels = lot_make(scene.line.site)
    with pytest.raises(PermissionDenied):
        consume(scene, labels.code, override_why="none left")
    supervisor = actor_make("supervisor", scene.line.line)
    consume(scene, labels.code, override_why="none left", by=supervisor)
    decision = Decision.objects.get()
    assert (decision.kind, decision.subject_code, decision.why) == (
        "material_override",
        labels.code,
        "none left",
    )
    assert decision.job_order_code == scene.order.code
    answer = selectors.material_answer(job_order_id=scene.order.pk)
    assert (answer.verdict, answer.wrong) == ("no", (labels.material_id,))


def test_an_expired_lot_is_refused_from_its_instant_on(scene: Bottling) -> None:
    lot = lot_make(scene.line.site, scene.caps.material, expires_at=minutes(30))
    consume(scene, lot.code, at=minutes(30) - timedelta(microseconds=1))
    with pytest.raises(services.LotRefused) as refusal:
        consume(scene, lot.code, at=minutes(30), by=actor_make("admin", scene.line.site), override_why="so")
    assert refusal.value.codes == ["lot_expired"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"quantity": Decimal(0)}, "quantity: read 0"),
        ({"quantity": Decimal(-1)}, "quantity: read -1"),
        ({"quantity": Decimal("NaN")}, "quantity: read NaN"),
        ({"quantity": Decimal("Infinity")}, "quantity: read Infinity"),
        ({"quantity": Decimal("0.0000001")}, "at most 6 decimals"),
        ({"quantity": Decimal("1e13")}, "below 10000000000000"),
        ({"unit": "kg"}, "unit: read 'kg', expected 'pcs'"),
        ({"lot_code": "nowhere"}, "read 'nowhere', expected the code of a lot"),
        ({"lot_code": ""}, "expected the code of a lot"),
        ({"job_order_id": 10**9}, "expected an order known here"),
        ({"at": timezone.now() + timedelta(hours=1)}, "not in the future"),
        ({"at": minutes(5).replace(tzinfo=None)}, "with its zone"),
    ],
)
def test_bad_input_says_what_was_read_and_expected(
    scene: Bottling, changes: dict[str, Any], words: str
) -> None:
    with pytest.raises(services.LotInputRefused) as refusal:
        consume(scene, **{"lot_code": scene.caps.code, **changes})
    assert words in str(refusal.value)
    assert refusal.value.is_bad_input
    assert not LotMovement.objects.exists()


def test_a_machine_of_another_line_is_refused(scene: Bottling) -> None:
    other = line_make().unit
    with pytest.raises(services.LotInputRefused, match=f"read {other.code}, expected a machine of line"):
        consume(scene, scene.caps.code, equipment_id=other.pk)


def test_someone_of_another_line_may_not_scan_here(scene: Bottling) -> None:
    with pytest.raises(PermissionDenied):
        consume(scene, scene.caps.code, by=actor_make("operator", line_make().line))


def test_a_scan_sent_twice_counts_once(scene: Bottling) -> None:
    first = consume(scene, scene.caps.code, key="K1")
    assert consume(scene, scene.caps.code, key="K1") == first
    with pytest.raises(services.LotInputRefused, match="used for another movement"):
        consume(scene, scene.caps.code, key="K1", quantity=Decimal(7))
    assert LotMovement.objects.count() == 1


def test_the_suppliers_number_finds_a_lot_unless_two_carry_it(scene: Bottling) -> None:
    lot_make(scene.line.site, scene.caps.material, code="A", supplier_lot="S-9")
    assert consume(scene, "S-9").lot.code == "A"
    lot_make(scene.line.site, scene.caps.material, code="B", supplier_lot="S-9")
    with pytest.raises(selectors.LotAmbiguous) as refusal:
        consume(scene, "S-9")
    assert refusal.value.candidates == ["A", "B"]


def test_receiving_makes_a_lot_once(scene: Bottling) -> None:
    def receive(code: str) -> None:
        services.lot_receive(
            code=code,
            material_code=scene.caps.material.code,
            quantity=Decimal(5000),
            place=scene.line.line,
            by=scene.operator,
            supplier="ACME",
            supplier_lot="77",
        )

    receive("NEW")
    lot = selectors.lot_by_code("NEW")
    assert selectors.lot_balance(lot).on_hand == 5000
    assert selectors.lot_status(lot, now=timezone.now()) == "available"
    for taken, error in (("NEW", services.LotExists), ("a/b", services.LotInputRefused)):
        with pytest.raises(error):
            receive(taken)


def test_what_an_order_makes_is_a_lot_of_its_product(scene: Bottling) -> None:
    def produce(code: str, order_id: int = scene.order.pk) -> LotMovement:
        return services.lot_produce(
            job_order_id=order_id,
            lot_code=code,
            quantity=Decimal(480),
            at=minutes(60),
            window_start=minutes(30),
            by=scene.operator,
        )

    first, second = produce("PAL-1"), produce("PAL-1")
    assert first.lot == second.lot
    assert first.lot.material == scene.order.product
    assert first.lot.produced_by == scene.order
    assert selectors.order_output(job_order_id=scene.order.pk) == 960
    with pytest.raises(services.LotExists, match="not made by"):
        produce("PAL-1", order_make(scene.line.line).pk)
    with pytest.raises(services.LotExists):
        produce(scene.caps.code)


@pytest.mark.django_db(transaction=True)
def test_two_stations_may_make_the_first_pieces_of_a_lot_at_once() -> None:
    order = order_make(line_make().line)
    operator = actor_make("operator", order.line)
    ready = threading.Barrier(3)

    def produce(number: int) -> Decimal:
        try:
            ready.wait(30)
            made = services.lot_produce(
                job_order_id=order.pk, lot_code="PAL-9", quantity=Decimal(number), at=minutes(60), by=operator
            )
            return made.quantity
        finally:
            connection.close()

    with ThreadPoolExecutor(3) as pool:
        assert sorted(pool.map(produce, (1, 2, 3))) == [1, 2, 3]
    assert selectors.order_output(job_order_id=order.pk) == 6


def test_the_material_balance_of_an_order_closes_and_shows_the_remainder(scene: Bottling) -> None:
    consume(scene, scene.caps.code, quantity=Decimal(100))
    for kind, quantity in (("scrapped", 3), ("returned", 5)):
        services.lot_move(
            kind=kind,
            lot_code=scene.caps.code,
            quantity=Decimal(quantity),
            at=minutes(50),
            by=scene.operator,
            job_order_id=scene.order.pk,
        )
    made = lot_make(scene.line.line, scene.order.product)
    movement_make(made, "produced", 90, at=60, job_order=scene.order)
    caps, bottles = sorted(
        selectors.order_material_balance(job_order_id=scene.order.pk),
        key=lambda row: row.material_id != scene.caps.material_id,
    )
    assert (caps.used, caps.in_product, caps.scrapped, caps.returned, caps.remainder) == (100, 90, 3, 5, 2)
    assert bottles.remainder == -90
    assert selectors.evidence_answer(job_order_id=scene.order.pk) == "no"
    consume(scene, scene.bottles.code)
    assert selectors.evidence_answer(job_order_id=scene.order.pk) == "yes"


def test_an_adjustment_needs_words(scene: Bottling) -> None:
    def adjust(comment: str) -> None:
        services.lot_move(
            kind="adjusted",
            lot_code=scene.caps.code,
            quantity=Decimal(-2),
            at=minutes(1),
            by=scene.operator,
            comment=comment,
            equipment_id=scene.line.line.pk,
        )

    with pytest.raises(services.LotInputRefused, match="why the count differs"):
        adjust(" ")
    movement_make(scene.caps, "received", 10)
    adjust("counted twice")
    balance = selectors.lot_balance(scene.caps)
    assert (balance.on_hand, balance.remainder) == (8, 2)


def test_movements_cannot_be_rewritten(scene: Bottling) -> None:
    movement = consume(scene, scene.caps.code)
    with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
        LotMovement.objects.filter(pk=movement.pk).update(quantity=1)


def test_a_shortage_is_opened_once_and_closed_by_a_later_entry(scene: Bottling) -> None:
    opened = services.shortage_open(
        equipment=scene.line.unit,
        material_code=scene.caps.material.code,
        start_time=minutes(10),
        by=scene.operator,
        job_order_id=scene.order.pk,
    )
    again = services.shortage_open(
        equipment=scene.line.unit,
        material_code=scene.caps.material.code,
        start_time=minutes(12),
        by=scene.operator,
    )
    assert again == opened
    with pytest.raises(services.ShortageRefused, match="expected after"):
        services.shortage_close(shortage_id=opened.pk, end_time=minutes(10), by=scene.operator)
    closed = services.shortage_close(shortage_id=opened.pk, end_time=minutes(25), by=scene.operator)
    assert closed.supersedes == opened
    with pytest.raises(MaterialShortage.DoesNotExist):
        services.shortage_close(shortage_id=opened.pk, end_time=minutes(26), by=scene.operator)
    with pytest.raises(services.ShortageRefused, match="ended at"):
        services.shortage_close(shortage_id=closed.pk, end_time=minutes(26), by=scene.operator)

    def between(start: float, end: float) -> list[MaterialShortage]:
        path = scene.line.line.path
        return list(selectors.shortages_between(equipment_path=path, start=minutes(start), end=minutes(end)))

    assert between(0, 11) == [closed]
    assert between(25, 90) == between(0, 10) == []
    assert list(selectors.shortages_for_order(job_order_id=scene.order.pk)) == [closed]


def test_an_order_without_a_bill_of_materials_refuses_nothing_and_knows_nothing(db: None) -> None:
    line = line_make()
    order, lot = order_make(line.line), lot_make(line.site, material_make())
    services.lot_consume(
        job_order_id=order.pk,
        lot_code=lot.code,
        equipment_id=None,
        quantity=Decimal(1),
        at=minutes(1),
        by=actor_make("operator", line.line),
    )
    assert selectors.material_answer(job_order_id=order.pk).verdict == "not_known"
