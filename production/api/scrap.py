"""/api/v1/equipment/<code>/scrap, and why pieces of a count were scrapped: later, otherwise, in parts."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plant.rest import BadgeField, ETagged, actor_for, once
from production import services
from production.api.fields import Amount, CountSerializer
from production.api.observed import WINDOW, _equipment, _window
from production.api.problems import answered
from production.domain.scrap import Portion, Row, Scrap
from production.selectors.scrap import scrap_between


class ScrapRowSerializer(serializers.Serializer):
    """Pieces scrapped for one reason; null is what nobody told, less than zero where more was told than
    counted.
    """

    equipment = serializers.SerializerMethodField(help_text="Null: said of the line as a whole.")
    product = serializers.SerializerMethodField()
    shift = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField()
    quantity = Amount()
    entries = serializers.ListField(child=serializers.IntegerField(), help_text="Counts that say so.")

    def get_equipment(self, row: Row) -> str | None:
        return row.place.machine or None

    def get_product(self, row: Row) -> str | None:
        return row.place.product or None

    def get_shift(self, row: Row) -> str | None:
        return row.place.shift or None

    def get_reason(self, row: Row) -> str | None:
        return row.reason_code or None


class ScrapSerializer(serializers.Serializer):
    """The rows add up to ``total`` exactly; ``reasons`` are the same by reason alone, most first."""

    total = Amount()
    not_told = Amount()
    reasons = serializers.SerializerMethodField()
    rows = ScrapRowSerializer(many=True)

    def get_reasons(self, found: Scrap) -> dict[str, str]:
        return {row.reason_code: str(row.quantity) for row in found.by_reason()}


class ScrapView(ETagged, APIView):
    """Scrap of a machine, or of a line's machines, by reason, machine, product and shift."""

    required_action = "view"

    @extend_schema(parameters=WINDOW, responses=ScrapSerializer)
    def get(self, request: Request, code: str) -> Response:
        equipment = _equipment(request, code)
        start, end = _window(request)
        return Response(ScrapSerializer(scrap_between(equipment_id=equipment.pk, start=start, end=end)).data)


class ScrapReasonSerializer(serializers.Serializer):
    """Of an entry; an empty reason takes back what was said."""

    entry = serializers.IntegerField()
    reason = serializers.CharField(allow_blank=True)
    comment = serializers.CharField(required=False, allow_blank=True, default="")
    person = BadgeField(required=False)


class PortionSerializer(serializers.Serializer):
    quantity = Amount()
    reason = serializers.CharField(allow_blank=True, default="")


class ScrapSplitSerializer(serializers.Serializer):
    """Parts that add up to the entry exactly."""

    entry = serializers.IntegerField()
    portions = PortionSerializer(many=True)
    comment = serializers.CharField(required=False, allow_blank=True, default="")
    person = BadgeField(required=False)


def _read(serializer: type[serializers.Serializer], request: Request) -> dict[str, Any]:
    data = serializer(data=request.data)
    data.is_valid(raise_exception=True)
    return dict(data.validated_data)


class ScrapReasonView(APIView):
    """Say why the pieces of a count were scrapped. 409 when it was corrected since."""

    required_action = "count.enter"

    @extend_schema(request=ScrapReasonSerializer, responses={201: CountSerializer})
    def post(self, request: Request) -> Response:
        def write() -> tuple[int, Any]:
            values = _read(ScrapReasonSerializer, request)
            by = actor_for(request, values.get("person"))
            with answered():
                said = services.scrap_reason_assert(
                    entry=values["entry"], reason_code=values["reason"], comment=values["comment"], by=by
                )
            return 201, CountSerializer(said).data

        return once(request, write)


class ScrapSplitView(APIView):
    """Say one count of scrap in parts of different reasons. 409 when it was corrected since."""

    required_action = "count.enter"

    @extend_schema(request=ScrapSplitSerializer, responses={201: CountSerializer(many=True)})
    def post(self, request: Request) -> Response:
        def write() -> tuple[int, Any]:
            values = _read(ScrapSplitSerializer, request)
            by = actor_for(request, values.get("person"))
            portions = [Portion(part["quantity"], part["reason"]) for part in values["portions"]]
            with answered():
                said = services.scrap_split(
                    entry=values["entry"], portions=portions, comment=values["comment"], by=by
                )
            return 201, CountSerializer(said, many=True).data

        return once(request, write)
