"""The derived rows of the plant as text, and sums of them."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Sum

from production import selectors
from production.models import (
    AlarmInterval,
    JobOrder,
    LotSpan,
    OrderSpan,
    QuantityActual,
    StateInterval,
    StitchCheckpoint,
    Stop,
    ToolSpan,
)
from tests.chaos.facts import T0
from tests.chaos.oracle import Rows, account_told, told
from tests.chaos.plant import Plant

STATE = ("start_time", "end_time", "state", "mode", "fault_code", "cause")
STOP = ("id", "start_time", "end_time", "base_class", "fault_code", "size", "needs_reason")
ALARM = ("signal_id", "start_time", "end_time", "code", "acknowledged_at", "text")
COUNT = ("signal_id", "kind", "start_time", "end_time", "flag", "quantity")


def rows_stored(plant: Plant) -> Rows:
    """In the shape of ``oracle.fold_in_order``."""
    rows: Rows = {}
    accounts = selectors.accounts(equipment=plant.line.units, start=T0, end=plant.history.end)
    role = {pk: signal.role for pk, signal in plant.signals.items()}
    for unit in plant.line.units:
        code, mine = unit.code, {"work_unit_id": unit.pk}
        orders = OrderSpan.objects.filter(equipment_id=unit.pk, source="signal").values_list(
            "start_time", "end_time", "order_code"
        )
        tools = ToolSpan.objects.filter(**mine).values_list("start_time", "end_time", "tool_code")
        lots = LotSpan.objects.filter(**mine).values_list("start_time", "end_time", "lot_code")
        alarms = AlarmInterval.objects.filter(**mine).values_list(*ALARM)
        counts = QuantityActual.objects.filter(**mine).values_list(*COUNT)
        rows[f"{code} state"] = [told(r) for r in StateInterval.objects.filter(**mine).values_list(*STATE)]
        rows[f"{code} stop"] = [told(r) for r in Stop.objects.filter(**mine).values_list(*STOP)]
        rows[f"{code} span"] = [told(("order", *r)) for r in orders] + [told(("tool", *r)) for r in tools]
        rows[f"{code} span"] += [told(("lot", *r)) for r in lots]
        rows[f"{code} alarm"] = [told((role[r[0]], *r[1:])) for r in alarms]
        rows[f"{code} count"] = [told((role[r[0]], *r[1:])) for r in counts]
        rows[f"{code} account"] = account_told(accounts[unit.pk]) if unit.pk in accounts else []
    executed = JobOrder.objects.values_list("code", "state", "started_at", "ended_at")
    rows["orders"] = [told(row) for row in executed]
    return {name: sorted(found) for name, found in rows.items()}


def pieces_stored(plant: Plant, machine: str, role: str) -> int:
    """Everything a counter counted, flagged or not."""
    rows = QuantityActual.objects.filter(work_unit__code=machine, signal__role=role)
    return int(rows.aggregate(pieces=Sum("quantity"))["pieces"] or 0)


def seconds_stored(plant: Plant, machine: str) -> dict[str, timedelta]:
    horizon = StitchCheckpoint.objects.get(work_unit__code=machine).horizon
    found: dict[str, timedelta] = {}
    rows = StateInterval.objects.filter(work_unit__code=machine)
    for state, start, end in rows.values_list("state", "start_time", "end_time"):
        lasted = (end or horizon) - start
        found[state] = found.get(state, timedelta()) + lasted
    return {state: lasted for state, lasted in found.items() if lasted}
