"""/api/v1/station-states and the instructions of a job order: what a tablet says, in the same words."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ObjectDoesNotExist
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plant.rest import BadgeField, CodeField, ETagged, actor_for, actor_of, once
from plant.selectors import equipment_by_code
from production import services
from production.api.problems import answered
from production.models import StateAssertion
from production.selectors.instructions import instructions_read
from production.selectors.lookups import job_order_for_code


class StationStateWriteSerializer(serializers.Serializer):
    """What a manual station did from ``start_time`` on, or in a range. An empty ``state`` takes
    ``supersedes`` back.
    """

    equipment = CodeField(equipment_by_code)
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField(required=False, allow_null=True, default=None)
    state = serializers.CharField(allow_blank=True, max_length=16)
    supersedes = serializers.IntegerField(required=False, allow_null=True, default=None)
    comment = serializers.CharField(required=False, allow_blank=True, default="")
    person = BadgeField(required=False)
    at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class StationStateSerializer(serializers.ModelSerializer):
    equipment = serializers.CharField(source="equipment.code")
    said_by = serializers.CharField(source="said_by.badge", default=None)

    class Meta:
        model = StateAssertion
        fields = [
            "id", "equipment", "start_time", "end_time", "state", "comment", "said_by", "said_at",
            "supersedes",
        ]  # fmt: skip


class StationStateView(APIView):
    """Work at a manual station, said by a person."""

    required_action = "stop.code"

    @extend_schema(request=StationStateWriteSerializer, responses={201: StationStateSerializer})
    def post(self, request: Request) -> Response:
        def write() -> tuple[int, Any]:
            body = StationStateWriteSerializer(data=request.data)
            body.is_valid(raise_exception=True)
            values = dict(body.validated_data)
            equipment, by = values.pop("equipment"), actor_for(request, values.pop("person", None))
            with answered():
                said = services.state_assert(equipment_id=equipment.pk, by=by, **values)
            return 201, StationStateSerializer(said).data

        return once(request, write)


class ReadingSerializer(serializers.Serializer):
    version = serializers.IntegerField()
    person = serializers.CharField()
    at = serializers.DateTimeField()
    equipment = serializers.CharField()


class OrderInstructionSerializer(serializers.Serializer):
    """``pinned``: the version in force when the order started; ``current``: now, or at its end."""

    code = serializers.CharField()
    pinned = serializers.IntegerField(source="pinned.version", default=None, allow_null=True)
    current = serializers.IntegerField(source="current.version", default=None, allow_null=True)
    is_read = serializers.BooleanField(help_text="Whether anybody confirmed the version in force.")
    reads = ReadingSerializer(many=True)


class OrderInstructionsView(ETagged, APIView):
    """Work instructions of an order, the versions it was made by, and who read which."""

    required_action = "view"

    @extend_schema(responses=OrderInstructionSerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        try:
            order = job_order_for_code(code)
        except ObjectDoesNotExist:
            raise Http404(code) from None
        if not actor_of(request).may("view", order.line):
            raise Http404(code)
        return Response(OrderInstructionSerializer(instructions_read(order.pk), many=True).data)
