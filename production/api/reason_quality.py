"""/api/v1/equipment/<code>/reason-quality: how well the stops of a line are explained."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from plant.rest import ETagged
from production.api.fields import Seconds
from production.api.observed import WINDOW, _equipment, _window
from production.selectors.reason_quality import ReasonQuality, reason_quality
from production.selectors.suggestions import suggestion_hits


class HitsSerializer(serializers.Serializer):
    """Of the stops people coded in a week, how many had been suggested, first or among the three."""

    week_from = serializers.DateField()
    coded = serializers.IntegerField()
    first = serializers.IntegerField()
    among_three = serializers.IntegerField()


class ReasonQualitySerializer(serializers.Serializer):
    """How well a line's stops are explained. Seconds; shares null with nothing to share."""

    equipment = serializers.CharField(source="line.code")
    start_time = serializers.DateTimeField(source="start")
    end_time = serializers.DateTimeField(source="end")
    asked_seconds = Seconds(source="asked")
    coded_seconds = Seconds(source="coded")
    other_seconds = Seconds(source="other")
    coded_share = serializers.DecimalField(max_digits=20, decimal_places=6, allow_null=True)
    other_share = serializers.DecimalField(max_digits=20, decimal_places=6, allow_null=True)
    median_seconds_to_reason = Seconds(source="to_reason", allow_null=True)
    stops_said = serializers.IntegerField(source="said")
    recoded = serializers.IntegerField()
    by_rule = serializers.IntegerField()
    rule_corrected = serializers.IntegerField()
    unused = serializers.SerializerMethodField(help_text="Reasons offered and not given for 30 days.")
    suggestions = serializers.SerializerMethodField(help_text="Hits by week, the newest first.")

    @extend_schema_field(serializers.ListField(child=serializers.CharField()))
    def get_unused(self, found: ReasonQuality) -> list[str]:
        return [reason.code for reason in found.unused]

    @extend_schema_field(HitsSerializer(many=True))
    def get_suggestions(self, found: ReasonQuality) -> list[dict[str, Any]]:
        weeks = suggestion_hits(line_id=found.line.pk, now=found.end)
        return [
            {"week_from": monday, "coded": hits.asked, "first": hits.first, "among_three": hits.among}
            for monday, hits in sorted(weeks.items(), reverse=True)
        ]


class ReasonQualityView(ETagged, APIView):
    """How well the stops of a line are explained in a window. 404 for what is no line."""

    required_action = "view"

    @extend_schema(parameters=WINDOW, responses=ReasonQualitySerializer)
    def get(self, request: Request, code: str) -> Response:
        line = _equipment(request, code)
        start, end = _window(request)
        if line.level != "line":
            raise exceptions.NotFound(f"{code}: read a {line.level}, expected a line")
        return Response(ReasonQualitySerializer(reason_quality(line=line, start=start, end=end)).data)
