"""/api/v1/equipment/<code>/line-losses: what a line lost, and what it came from."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plant.domain.quantities import round_parts
from plant.rest import ETagged, Streamed, stream_window, streamed
from production import selectors
from production.api.observed import WINDOW, _equipment, _window
from production.domain.lateness import Lateness
from production.domain.line.losses import LossRow, MachineCost, Stopped, total
from production.domain.oee import seconds
from production.domain.stops import stop_id
from production.selectors.line_losses import FIRST_FAULT, LineLossAccount

# What is shown of a fraction of a piece, or of money.
STEP = Decimal("0.000001")


def _amount(**options: Any) -> serializers.DecimalField:
    return serializers.DecimalField(max_digits=24, decimal_places=6, **options)


class LossRowSerializer(serializers.Serializer):
    """One cause. ``stops``: the constraint's; ``causing_stops``: those they came from, where one is known."""

    kind = serializers.CharField(
        help_text="machine, no_material, no_outlet, line (said about the line) or not_evaluable."
    )
    equipment = serializers.CharField(allow_null=True, help_text="The machine where it started.")
    reason = serializers.CharField(allow_null=True)
    time_class = serializers.CharField()
    uncoded = serializers.BooleanField(help_text="Somebody is asked why, and nobody has said yet.")
    seconds = _amount()
    pieces = _amount(allow_null=True)
    money = _amount(allow_null=True, help_text="Contribution of the pieces not made.")
    cost = _amount(allow_null=True, help_text="What the line cost meanwhile; never to be added to money.")
    late_seconds = _amount(
        allow_null=True, help_text="How much less late its orders would be without it; not to be summed."
    )
    stops = serializers.ListField(child=serializers.UUIDField())
    causing_stops = serializers.ListField(child=serializers.UUIDField())


class MachineCostSerializer(serializers.Serializer):
    """A machine's own stops beside what they cost the line. ``absorbed_stops`` cost nothing."""

    equipment = serializers.CharField()
    own_seconds = _amount()
    stops = serializers.IntegerField()
    absorbed_stops = serializers.IntegerField()
    charged_seconds = _amount()
    pieces = _amount(allow_null=True)


class LateOrderSerializer(serializers.Serializer):
    """An order of the window. ``late_seconds`` null: no due time, or its end is not known."""

    job_order = serializers.CharField()
    due_time = serializers.DateTimeField(allow_null=True)
    expected_end = serializers.DateTimeField(allow_null=True)
    is_over = serializers.BooleanField()
    late_seconds = _amount(allow_null=True)


class LineLossesSerializer(serializers.Serializer):
    """The rows add up to ``seconds``, which is the constraint's lost time. Null: not known."""

    equipment = serializers.CharField()
    attribution = serializers.CharField()
    paced_by = serializers.CharField()
    basis = serializers.CharField(help_text="declared_constraint or lowest_rate.")
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    seconds = _amount()
    pieces = _amount(allow_null=True)
    money = _amount(allow_null=True)
    cost = _amount(allow_null=True)
    currency = serializers.CharField(allow_null=True)
    paced_with = serializers.ListField(child=serializers.CharField())
    breakdowns = serializers.IntegerField(help_text="Of any machine, that halted the line.")
    breakdown_seconds = _amount()
    orders = LateOrderSerializer(many=True)
    rows = LossRowSerializer(many=True)
    machines = MachineCostSerializer(many=True)


class LineLossesView(Streamed, ETagged, APIView):
    """What a line lost in a window, by the machine and reason it started with; never the sum of its machines.

    404 where no link between machines is declared, no machine paces the line, or nothing was received.
    """

    required_action = "view"

    @extend_schema(parameters=WINDOW, responses=LineLossesSerializer)
    def get(self, request: Request, code: str) -> Any:
        equipment = _equipment(request, code)
        wanted = stream_window(request)
        start, end = _window(request)
        if equipment.level != "line":
            raise exceptions.NotFound(f"{code}: read a {equipment.level}, expected a line")
        found = selectors.line_losses(line_id=equipment.pk, start=start, end=end)
        if found is None:
            raise exceptions.NotFound(f"{code}: no link or constraint declared, or nothing received")
        data = line_losses_data(found)
        if wanted:
            return streamed(request, "line-losses", LossRowSerializer, data["rows"])
        return Response(data)


def line_losses_data(found: LineLossAccount) -> dict[str, Any]:
    losses = found.losses
    rows = losses.rows
    assert losses.window.end is not None
    return {
        "equipment": found.line.code,
        "attribution": FIRST_FAULT,
        "paced_by": found.paced_by.code,
        "basis": found.basis,
        "start_time": losses.window.start,
        "end_time": losses.window.end,
        "seconds": seconds(losses.lost),
        "pieces": _whole([row.pieces for row in rows]),
        "money": _whole([row.money for row in rows]),
        "cost": _whole([row.cost for row in rows]),
        "currency": found.currency or None,
        "paced_with": [unit.code for unit in found.members],
        "breakdowns": losses.breakdowns[0],
        "breakdown_seconds": seconds(losses.breakdowns[1]),
        "orders": [
            _order(order) for order in sorted(found.lateness.values(), key=lambda one: one.order_code)
        ],
        "rows": [
            _row(row, *amounts)
            for row, *amounts in zip(
                rows,
                _shown([row.pieces for row in rows]),
                _shown([row.money for row in rows]),
                _shown([row.cost for row in rows]),
                strict=True,
            )
        ],
        "machines": [_machine(cost) for cost in losses.machines],
    }


def _order(order: Lateness) -> dict[str, Any]:
    return {
        "job_order": order.order_code,
        "due_time": order.due,
        "expected_end": order.expected_end,
        "is_over": order.is_over,
        "late_seconds": None if order.late is None else seconds(order.late),
    }


def _row(row: LossRow, pieces: Decimal | None, money: Decimal | None, cost: Decimal | None) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "equipment": row.machine or None,
        "reason": row.reason_code or None,
        "time_class": row.time_class,
        "uncoded": row.uncoded,
        "seconds": seconds(row.duration),
        "pieces": pieces,
        "money": money,
        "cost": cost,
        "late_seconds": None if row.late is None else seconds(row.late),
        "stops": _ids(row.stops),
        "causing_stops": _ids(row.causing),
    }


def _machine(cost: MachineCost) -> dict[str, Any]:
    return {
        "equipment": cost.machine,
        "own_seconds": seconds(cost.own),
        "stops": cost.stops,
        "absorbed_stops": cost.absorbed,
        "charged_seconds": seconds(cost.charged),
        "pieces": _shown([cost.pieces])[0],
    }


def _ids(stops: Sequence[Stopped]) -> list[str]:
    return [str(stop_id(machine, start)) for machine, start in stops]


def _decimal(amount: Fraction) -> Decimal:
    return Decimal(amount.numerator) / Decimal(amount.denominator)


def _shown(amounts: Sequence[Fraction | None]) -> list[Decimal | None]:
    """Rounded so that they add up to their rounded sum; what is not known stays so."""
    rounded = iter(round_parts([_decimal(amount) for amount in amounts if amount is not None], STEP))
    return [None if amount is None else next(rounded) for amount in amounts]


def _whole(amounts: Sequence[Fraction | None]) -> Decimal | None:
    found = total(amounts)
    return None if found is None else _decimal(found).quantize(STEP)
