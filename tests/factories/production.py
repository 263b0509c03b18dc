"""Machines that send, and orders, for tests: plain functions, every code optional."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from connectors.domain.columns import Columns, micros
from connectors.models import Connection, SignalDefinition
from connectors.services import samples_ingest
from plant.access import Actor, Grant
from plant.domain.samples import Quality, Sample
from plant.models import Equipment, MaterialDefinition
from production import services
from production.models import IdealRate, JobOrder
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import Line, line_make, material_make

T0 = datetime(2026, 3, 2, 6, tzinfo=UTC)
ARRIVED = datetime(2026, 3, 20, tzinfo=UTC)
PACKML = {
    "2": "stopped",
    "3": "starting",
    "4": "idle",
    "5": "suspended",
    "6": "execute",
    "9": "aborted",
    "11": "held",
}
STATES = {name: number for number, name in PACKML.items()} | {"starved": "51", "blocked": "52"}
PLANNER = Actor(label="planner", grants=(Grant("admin", "/"),))
_numbers = itertools.count(1)

Said = tuple[float, str, Any] | tuple[float, str, Any, bool]


def at(seconds: float) -> datetime:
    """Seconds after the start of the morning shift."""
    return T0 + timedelta(seconds=seconds)


@dataclass(slots=True)
class Sender:
    """A machine and its signals on one connection."""

    unit: Equipment
    connection: Connection
    signals: dict[str, SignalDefinition] = field(default_factory=dict)

    def say(self, said: Iterable[Said], watermark: float | None = None) -> None:
        """Land (seconds, role, value[, bad]) in the order given, as one batch."""
        samples = [
            Sample(
                self.signals[row[1]].address,
                at(row[0]),
                row[2],
                quality=Quality.BAD if len(row) > 3 and row[3] else Quality.GOOD,
                source_key=repr(row[2]).encode(),
            )
            for row in said
        ]
        samples_ingest(
            connection=self.connection.slug,
            samples=Columns.of(iter(samples), arrival_time=micros(ARRIVED)),
            now=ARRIVED,
            watermark=None if watermark is None else at(watermark),
        )

    def stitch(self) -> services.Stitched:
        return services.stitch(work_unit_id=self.unit.pk)


ROLES = (
    "state",
    "mode",
    "fault_code",
    "good_count",
    "scrap_count",
    "order",
    "alarm",
    "tool",
    "lot",
    "process_value",
)


def sender_make(
    unit: Equipment | None = None, *, roles: Sequence[str] = ROLES, connection: Connection | None = None
) -> Sender:
    """A machine with PackML numbers 6 execute, 2 stopped, 11 held, 51 starved, 52 blocked…"""
    unit = unit or line_make(1).unit
    site = Equipment.objects.get(code=unit.path.strip("/").split("/")[0])
    state_map = {**PACKML, "51": "starved", "52": "blocked"}
    connection = connection or connection_make(site, state_map=state_map)
    sender = Sender(unit, connection)
    for role in roles:
        sender.signals[role] = signal_make(unit, f"{unit.code}/{role}", role=role, connection=connection)
    return sender


def order_make(
    line: Line,
    *,
    code: str = "",
    product: MaterialDefinition | None = None,
    quantity: int = 1000,
    **fields: Any,
) -> JobOrder:
    """An order stored by the planner at the start of the shift."""
    code = code or f"PO{next(_numbers)}"
    product = product or material_make()
    item = {"code": code, "line": line.line.code, "product": product.code, "quantity": quantity, **fields}
    [stored] = services.job_orders_store(items=[item], by=PLANNER, at=T0)
    assert not stored.errors, stored.errors
    return JobOrder.objects.get(code=code)


def rate_make(equipment: Equipment, per_hour: int, product: MaterialDefinition | None = None) -> IdealRate:
    return IdealRate.objects.create(
        equipment=equipment,
        product=product,
        units_per_hour=Decimal(per_hour),
        valid_from=T0 - timedelta(days=365),
    )
