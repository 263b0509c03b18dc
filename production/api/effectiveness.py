"""/api/v1/equipment/<code>/effectiveness and …/losses: figures of months, from shifts that are added up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plant import selectors as plant
from plant.rest import refuse_unknown
from production.api.observed import DEFAULT, _equipment
from production.domain.iso22400 import NAMES
from production.domain.oee import seconds
from production.selectors.effectiveness import Effectiveness, effectiveness
from production.selectors.rollup_losses import losses_by_reason

LONGEST = timedelta(days=400)
NF = ("tt", "to", "tr", "tf", "tn", "tu", "do", "tp", "tq", "trs", "trg", "tre")
ISO = ("pbt", "apt", "good", "total", "availability", "effectiveness", "quality", "oee")


class AskedSerializer(serializers.Serializer):
    """[start, end), at most 400 days. Whole shifts are read in milliseconds, other windows event by event."""

    start = serializers.DateTimeField(required=False, help_text="Start, included; a day ago by default.")
    end = serializers.DateTimeField(required=False, help_text="End, excluded; now by default.")

    def validate(self, data: dict[str, Any]) -> dict[str, Any]:
        end = data.setdefault("end", timezone.now())
        start = data.setdefault("start", end - DEFAULT)
        if not start < end <= start + LONGEST:
            said = f"read {start.isoformat()} to {end.isoformat()}, expected at most {LONGEST.days} days"
            raise serializers.ValidationError({"end": [said]})
        return data


class EffectivenessSerializer(serializers.Serializer):
    """A site's and an area's figures are ratios of sums over their ``lines``. Null: not known."""

    equipment = serializers.CharField()
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    lines = serializers.ListField(child=serializers.CharField(), help_text="What it is about, by code.")
    left_out = serializers.ListField(
        child=serializers.CharField(), help_text="Lines without data, or that nothing is known to pace."
    )
    closed = serializers.BooleanField(help_text="All of it read from shifts that are over and added up.")
    seconds = serializers.DictField(child=serializers.DecimalField(24, 6), help_text="Time by class.")
    nf_e60_182 = serializers.DictField(child=serializers.DecimalField(24, 6, allow_null=True))
    iso_22400_2 = serializers.DictField(child=serializers.DecimalField(24, 6, allow_null=True))


class LostSerializer(serializers.Serializer):
    """Time one machine lost to one cause in shifts of one code; ``stops``: those that began in them."""

    equipment = serializers.CharField()
    shift = serializers.CharField(help_text="Empty between shifts.")
    time_class = serializers.CharField()
    reason = serializers.CharField(help_text="Empty where none is in force.")
    uncoded = serializers.BooleanField(help_text="Somebody is asked why, and nobody has said yet.")
    seconds = serializers.DecimalField(24, 6)
    stops = serializers.IntegerField()


class EffectivenessView(APIView):
    """Effectiveness of a machine, line, area or site over whole shifts, days, months or a year.

    The same figures as ``kpi``, digit by digit, without the orders and events they are made of. 404 without
    any data.
    """

    required_action = "view"

    @extend_schema(parameters=[AskedSerializer], responses=EffectivenessSerializer)
    def get(self, request: Request, code: str) -> Response:
        equipment = _equipment(request, code)
        found = effectiveness(equipment_id=equipment.pk, **_asked(request))
        if found is None:
            raise exceptions.NotFound(f"{code}: nothing received in this window, or nothing paces its lines")
        return Response(effectiveness_data(found))


class LossesView(APIView):
    """Lost time of the machines below an equipment, by machine, shift, class and reason, the most first."""

    required_action = "view"

    @extend_schema(parameters=[AskedSerializer], responses=LostSerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        equipment = _equipment(request, code)
        machines: Any = plant.configuration_rows(
            "plant.Equipment", level="work_unit", path__startswith=equipment.path
        )
        codes = dict(machines.values_list("pk", "code"))
        found = losses_by_reason(equipment_ids=codes, **_asked(request))
        return Response(
            [
                {
                    "equipment": codes[row.work_unit_id],
                    "shift": row.shift_code,
                    "time_class": row.time_class,
                    "reason": row.reason_code,
                    "uncoded": row.uncoded,
                    "seconds": seconds(row.time),
                    "stops": row.stops,
                }
                for row in found
            ]
        )


def effectiveness_data(found: Effectiveness) -> dict[str, Any]:
    return {
        "equipment": found.equipment.code,
        "start_time": found.start,
        "end_time": found.end,
        "lines": found.lines,
        "left_out": found.left_out,
        "closed": found.closed,
        "seconds": {name: seconds(time) for name, time in found.durations.items()},
        "nf_e60_182": {name: getattr(found.trs, name) for name in NF},
        "iso_22400_2": {name: getattr(found.oee, name) for name in ISO}
        | {name: getattr(found.figures, name) for name in NAMES},
    }


def _asked(request: Request) -> dict[str, Any]:
    refuse_unknown(request, {"start", "end"})
    data = AskedSerializer(data=request.query_params)
    data.is_valid(raise_exception=True)
    return dict(data.validated_data)
