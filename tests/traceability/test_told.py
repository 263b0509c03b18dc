"""What a machine says of its lots is evidence where nobody booked them: a recall must not miss it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from production.models import JobOrder, LotSpan, OrderSpan
from tests.factories.plant import Line, line_make, material_make
from tests.factories.production import T0, Sender, order_make, sender_make
from tests.factories.traceability import lot_make
from traceability import selectors
from traceability.models import LotMovement, MaterialLot

pytestmark = pytest.mark.django_db
MINUTE = 60


def machine_told(line: Line, *said: tuple[float, str, str | int]) -> Sender:
    sender = sender_make(line.unit)
    told = [(second, role, value) for second, role, value in said]
    sender.say([(0, "state", 6), *told], watermark=60 * MINUTE)
    sender.stitch()
    return sender


def booked(lot: MaterialLot, kind: str, order: JobOrder, line: Line, minute: int) -> None:
    LotMovement.objects.create(
        lot=lot, kind=kind, quantity=1, unit="pcs", at=T0 + timedelta(minutes=minute), job_order=order,
        equipment=line.unit, actor="test",
    )  # fmt: skip


def test_a_lot_nobody_booked_is_traced_both_ways_and_leaves_no_evidence_by_itself() -> None:
    line = line_make(1)
    order, caps = order_make(line), material_make(kind="packaging")
    told, scanned, made = (lot_make(line.site, caps, code=code) for code in ("CAP-1", "CAP-2", "BOX-1"))
    machine_told(
        line,
        (0, "order", order.code), (0, "lot", "CAP-1"), (10 * MINUTE, "lot", "CAP-2"),
        (20 * MINUTE, "order", ""), (21 * MINUTE, "lot", "CAP-9"),
    )  # fmt: skip
    booked(scanned, "consumed", order, line, 10)
    booked(made, "produced", order, line, 20)
    spans = LotSpan.objects.order_by("start_time").values_list("lot_code", "start_time", "end_time")
    minutes = [(code, start - T0, end and end - T0) for code, start, end in spans]
    ten, after = timedelta(minutes=10), timedelta(minutes=21)
    assert minutes == [("CAP-1", timedelta(), ten), ("CAP-2", ten, after), ("CAP-9", after, None)]

    back = {edge.source: edge.told for edge in selectors.trace(made, direction="backward").edges}
    assert back == {told.pk: True, scanned.pk: False}
    forth = selectors.trace(told, direction="forward")
    assert set(forth.lots) == {told.pk, made.pk}
    found = selectors.lots_told(job_order_id=order.pk)
    assert [(row.span.lot_code, row.lot, row.booked) for row in found] == [
        ("CAP-1", told, False),
        ("CAP-2", scanned, True),
    ]
    assert selectors.evidence_answer(job_order_id=order.pk) == "no"
    booked(told, "consumed", order, line, 5)
    assert selectors.evidence_answer(job_order_id=order.pk) == "yes"
    assert not any(edge.told for edge in selectors.trace(made, direction="backward").edges)


def test_an_order_followed_by_its_line_counts_too_and_its_own_lot_is_no_input() -> None:
    line = line_make(1)
    order = order_make(line)
    made, told = lot_make(line.site, code="OUT-1", produced_by=order), lot_make(line.site, code="IN-1")
    OrderSpan.objects.create(equipment=line.line, order_code=order.code, start_time=T0, source="events")
    machine_told(line, (0, "lot", "OUT-1"), (5 * MINUTE, "lot", "IN-1"))
    booked(made, "produced", order, line, 20)
    trace = selectors.trace(made, direction="both")
    assert [(edge.source, edge.target, edge.told) for edge in trace.edges] == [(told.pk, made.pk, True)]


def test_a_lot_left_on_the_machine_while_it_is_changed_over_was_not_used() -> None:
    line = line_make(1)
    before, order = order_make(line), order_make(line)
    lot_make(line.site, code="LEFT")
    made = lot_make(line.site, code="MADE-2")
    machine_told(
        line,
        (0, "order", before.code), (0, "lot", "LEFT"),
        (5 * MINUTE, "state", 2), (5 * MINUTE, "order", order.code),
        (9 * MINUTE, "lot", ""), (10 * MINUTE, "state", 6),
    )  # fmt: skip
    # As commanded, the order came to the line while its machine still ran on the one before.
    OrderSpan.objects.create(
        equipment=line.line, order_code=order.code, start_time=T0 + timedelta(minutes=3), source="events"
    )
    booked(made, "produced", order, line, 20)
    assert set(selectors.trace(made, direction="backward").lots) == {made.pk}
    assert [row.span.lot_code for row in selectors.lots_told(job_order_id=before.pk)] == ["LEFT"]
    assert selectors.lots_told(job_order_id=order.pk) == []


def test_a_lot_told_long_before_what_was_made_went_elsewhere() -> None:
    line = line_make(1)
    order = order_make(line)
    early, late, made = (lot_make(line.site, code=code) for code in ("EARLY", "LATE", "MADE"))
    machine_told(
        line,
        (0, "order", order.code), (0, "lot", "EARLY"), (5 * MINUTE, "lot", "LATE"),
    )  # fmt: skip
    LotMovement.objects.create(
        lot=made, kind="produced", quantity=1, unit="pcs", at=T0 + timedelta(minutes=40),
        window_start=T0 + timedelta(minutes=30), job_order=order, equipment=line.unit, actor="test",
    )  # fmt: skip
    assert set(selectors.trace(made, direction="backward").lots) == {made.pk, late.pk}
    assert set(selectors.trace(early, direction="forward").lots) == {early.pk}
