"""One order told by every floor: samples stitched, reasons, lots, checks, a request, a decision, a note."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from maintenance import services as maintenance
from maintenance.selectors import requests_for_order
from plant.models import Person, Reason
from plant.selectors import actor_for_person
from plant.services import decision_record
from production import services
from production.models import BillOfMaterialsItem, JobOrder, WorkMaster
from production.services.assertions import count_assert, note_assert, reason_assert
from quality import services as quality
from tests.factories.connectors import connection_make
from tests.factories.plant import Line, line_make, material_make, person_make, reason_make
from tests.factories.production import PACKML, PLANNER, at, order_make, sender_make
from tests.factories.quality import specification_make
from tests.factories.traceability import lot_make, movement_make
from traceability import services as traceability


@dataclass(frozen=True, slots=True)
class Told:
    line: Line
    order: JobOrder
    operator: Person
    supervisor: Person
    jam: Reason


def line_stitched(*, hours: float = 1) -> Line:
    """Three machines: the first (the constraint) halts for five minutes and once for thirty seconds."""
    line = line_make(3)
    connection = connection_make(line.site, state_map={**PACKML, "51": "starved", "52": "blocked"})
    senders = [sender_make(unit, connection=connection) for unit in line.units]
    last = int(hours * 3600)
    for sender in senders:
        sender.say([(s, "good_count", s) for s in range(0, last, 10)])
        sender.say([(s, "scrap_count", s // 100) for s in range(0, last, 10)])
        sender.say([(0, "state", 6), (0, "tool", "FORMAT-33")])
        sender.say([(s, "process_value", 20 + s % 7 / 10) for s in range(0, last, 30)])
    senders[0].say(
        [
            *((600, "state", 9), (601, "fault_code", "E17"), (601, "alarm", "E17:raised:500:Star torque")),
            *((900, "state", 6), (900, "fault_code", ""), (900, "alarm", "E17:cleared")),
        ]
    )
    senders[0].say([(1500, "state", 11), (1530, "state", 6)])
    senders[1].say([(605, "state", 51), (900, "state", 6)], watermark=last)
    for sender in senders:
        sender.stitch()
    return line


def order_told() -> Told:
    """An hour of an order, everything the record asks for said about it."""
    # One thing said after the other, as on the day: long, and flat.
    line = line_stitched()
    operator, supervisor = person_make("operator", line.line), person_make("supervisor", line.line)
    by = actor_for_person(operator)
    jam = reason_make("JAM", equipment_class=line.unit.equipment_class, opens_request=True)
    bottles, product = material_make(kind="packaging"), material_make()
    routing = WorkMaster.objects.create(code="WM-TOLD", product=product, line=line.line)
    BillOfMaterialsItem.objects.create(work_master=routing, material=bottles, quantity=1, unit="pcs")
    order = order_make(
        line,
        code="PO-TOLD",
        product=product,
        quantity=4000,
        planned_start=at(0).isoformat(),
        planned_end=at(3600).isoformat(),
        due_time=at(3000).isoformat(),
    )
    JobOrder.objects.filter(pk=order.pk).update(work_master=routing)
    services.job_order_start(job_order_id=order.pk, at=at(0), by=PLANNER)
    services.job_order_stop(job_order_id=order.pk, at=at(3590), by=PLANNER)

    lot = lot_make(line.site, bottles, code="LOT-BOTTLES")
    movement_make(lot, "received", 5000)
    traceability.lot_consume(
        job_order_id=order.pk, lot_code=lot.code, equipment_id=line.unit.pk, quantity=Decimal(4000),
        at=at(60), by=by,
    )  # fmt: skip
    traceability.lot_produce(
        job_order_id=order.pk, lot_code="LOT-MADE", quantity=Decimal(3590), at=at(3580), by=by
    )
    reason_assert(
        equipment_id=line.unit.pk, start_time=at(600), end_time=at(900), reason_code="JAM", by=by,
        seen_end=at(900), comment="bottle across the star", at=at(960),
    )  # fmt: skip
    [request] = requests_for_order(order)
    maintenance.request_take(request_code=request.code, by=PLANNER)
    maintenance.request_close(request_code=request.code, cure="star wheel adjusted", by=PLANNER)
    check = specification_make(line.unit)
    for value, second in (("1.7", 300), ("2.9", 2000)):
        quality.result_record(
            specification_code=check.code,
            measurement=quality.Measurement(
                value=Decimal(value), measured_at=at(second), job_order_id=order.pk
            ),
            by=by,
            source="tablet",
        )  # fmt: skip
    note_assert(
        equipment_id=line.line.pk, start_time=at(1800), text="New reel at 11:30", by=by, job_order_id=order.pk
    )
    count_assert(
        equipment_id=line.line.pk, start_time=at(0), end_time=at(3590), kind="good", quantity=Decimal(3585),
        by=by, job_order_id=order.pk,
    )  # fmt: skip
    decision_record(
        kind="release", line_id=line.line.pk, subject_type="job_order", subject_code=order.code,
        job_order_code=order.code, summary="Released for shipment", why="deviation affects two bottles",
        by=actor_for_person(supervisor),
    )  # fmt: skip
    return Told(line, JobOrder.objects.get(pk=order.pk), operator, supervisor, jam)
