"""The demo plant's packing table, without a signal: two orders share it, two people work at it."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from plant import selectors
from plant.access import rule
from production import services
from production.selectors.lookups import job_order_for_code
from production.services.presence import presence_start

if TYPE_CHECKING:
    from plant.access import Actor

LINE, TABLE = "L3", "L3-TABLE"
ERP = rule("demo plant")
AT_WORK = timedelta(minutes=50)
COUNTED = timedelta(minutes=10)
# Code, product, quantity, counted so far.
ORDERS = (("GB-0001", "GB-JUICE", 240, 31), ("GB-0002", "GB-COMPOTE", 120, 12))
WAITING = ("GB-0003", "GB-JUICE", 300)
PEOPLE = ("B1010", "B1011")


def table_set(*, now: datetime) -> None:
    """What people said of the table in the last hour; nothing where the plant has no such table or has it
    at work already.
    """
    table: Any = selectors.configuration_rows("plant.Equipment", code=TABLE).first()
    people = [person for badge in PEOPLE if (person := selectors.person_at_badge(badge))]
    if table is None or not people:
        return
    begun, by = now - AT_WORK, selectors.actor_for_person(people[0])
    _orders_store(begun)
    for code, _product, _quantity, _counted in ORDERS:
        services.job_order_start(job_order_id=job_order_for_code(code).pk, at=begun, by=by)
    for person in people:
        speaks = selectors.actor_for_person(person)
        presence_start(equipment_id=table.pk, person_id=person.pk, at=begun, by=speaks)
    services.state_assert(equipment_id=table.pk, start_time=begun, state="execute", by=by, at=begun)
    for code, _product, _quantity, counted in ORDERS:
        _count(table.pk, code, counted, begun, now - COUNTED, by)


def _orders_store(begun: datetime) -> None:
    released = [(code, product, quantity) for code, product, quantity, _counted in ORDERS]
    items = [
        {"code": code, "line": LINE, "product": product, "quantity": str(quantity)}
        for code, product, quantity in (*released, WAITING)
    ]
    for stored in services.job_orders_store(items=items, by=ERP, at=begun):
        if stored.errors:
            raise ValueError(f"{stored.code}: {stored.errors}")


def _count(table_id: int, code: str, quantity: int, start: datetime, end: datetime, by: Actor) -> None:
    services.count_assert(
        equipment_id=table_id, job_order_id=job_order_for_code(code).pk, start_time=start, end_time=end,
        kind="good", quantity=Decimal(quantity), by=by, at=end,
    )  # fmt: skip
