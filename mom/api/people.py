"""/api/v1/equipment/<code>/people: who is at a station or line. Shown, never ranked."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import exceptions, serializers
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from mom.pages.lookup import equipment_or_404
from plant import selectors
from plant.rest import CodeField, ETagged, actor_of, once, refuse_unknown
from production.api.problems import answered
from production.selectors.presence import people_at
from production.services.presence import presence_end, presence_start

CLOCK = "note.write"
AT = OpenApiParameter("at", OpenApiTypes.DATETIME, description="The instant asked for; now if left out.")


def _person(badge: str) -> Any:
    return selectors.configuration_rows("plant.Person", is_active=True).get(badge=badge)


class PresenceSerializer(serializers.Serializer):
    """Someone at a station. ``end_time`` null: still there."""

    id = serializers.IntegerField()
    equipment = serializers.CharField(source="equipment.code")
    person = serializers.CharField(source="person.badge")
    name = serializers.CharField(source="person.name")
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField(allow_null=True)


class PresenceWriteSerializer(serializers.Serializer):
    """``person``: badge of who came or left. ``at``: default now."""

    person = CodeField(_person)
    here = serializers.BooleanField(default=True, help_text="false: has left.")
    at = serializers.DateTimeField(default=None, allow_null=True)


class PeopleView(ETagged, APIView):
    """Who is at a station or, of a line, anywhere on it, at an instant; those who came first first."""

    required_action = "view"
    required_actions = {"POST": CLOCK}

    @extend_schema(operation_id="equipment_people", parameters=[AT], responses=PresenceSerializer(many=True))
    def get(self, request: Request, code: str) -> Response:
        refuse_unknown(request, {"at"})
        equipment = equipment_or_404(request._request, code)
        at = timezone.now()
        if raw := request.query_params.get("at"):
            try:
                at = serializers.DateTimeField().to_internal_value(raw)
            except serializers.ValidationError as error:
                raise exceptions.ValidationError({"at": error.detail}) from None
        return Response(PresenceSerializer(people_at(equipment, at=at), many=True).data)

    @extend_schema(
        operation_id="equipment_people_clock",
        request=PresenceWriteSerializer,
        responses={201: PresenceSerializer(many=True)},
    )
    def post(self, request: Request, code: str) -> Response:
        """Say that someone came to a station or left it; the answer is who is there then."""
        equipment = equipment_or_404(request._request, code)
        by = actor_of(request)
        by.require(CLOCK, equipment)

        def write() -> tuple[int, Any]:
            data = PresenceWriteSerializer(data=request.data)
            data.is_valid(raise_exception=True)
            given, now = data.validated_data, timezone.now()
            person, at = given["person"], min(given["at"] or now, now)
            if given["here"]:
                presence_start(equipment_id=equipment.pk, person_id=person.pk, at=at, by=by)
            else:
                there = people_at(equipment, at=at).filter(person_id=person.pk).first()
                if there is None:
                    raise exceptions.ValidationError(
                        {"person": [f"read {person.badge!r}, expected someone who is there"]}
                    )
                with answered():
                    presence_end(presence_id=there.pk, at=at, by=by)
            return 201, PresenceSerializer(people_at(equipment, at=at), many=True).data

        return once(request, write, required=True)
