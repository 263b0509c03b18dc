"""How requests look as JSON, and what a write may hold."""

from __future__ import annotations

from datetime import timedelta

from rest_framework import serializers

from maintenance import selectors
from maintenance.models import InterventionImport, MaintenanceEvent, MaintenanceRequest
from plant.rest import BadgeField, CodeField
from plant.selectors import equipment_by_code


class MaintenanceEventSerializer(serializers.ModelSerializer):
    person = serializers.CharField(source="person.badge", default=None)

    class Meta:
        model = MaintenanceEvent
        fields = ["kind", "at", "person", "cure", "text"]


class SourceRowSerializer(serializers.ModelSerializer):
    class Meta:
        model = InterventionImport
        fields = ["file_name", "row_number", "row"]


class MaintenanceRequestSerializer(serializers.ModelSerializer):
    equipment = serializers.CharField(source="equipment.code")
    job_order = serializers.CharField(source="job_order.code", default=None)
    raised_by = serializers.CharField(source="said_by.badge", default=None)
    state = serializers.SerializerMethodField(
        help_text="open, taken, in_repair, repaired, closed or withdrawn."
    )
    events = MaintenanceEventSerializer(many=True)
    durations = serializers.SerializerMethodField(
        help_text="Seconds of response, repair and total; null while not over."
    )
    source_rows = SourceRowSerializer(many=True, source="imports")

    class Meta:
        model = MaintenanceRequest
        fields = [
            "code",
            "equipment",
            "stop_start",
            "reason_code",
            "job_order",
            "description",
            "raised_by",
            "said_at",
            "state",
            "events",
            "durations",
            "context",
            "source_rows",
        ]

    def get_state(self, request: MaintenanceRequest) -> str:
        return selectors.request_state(request)

    def get_durations(self, request: MaintenanceRequest) -> dict[str, float | None]:
        parts = selectors.request_durations(request)
        return {name: _seconds(getattr(parts, name)) for name in ("response", "repair", "total")}


def _seconds(part: timedelta | None) -> float | None:
    return None if part is None else part.total_seconds()


class MaintenanceRaiseSerializer(serializers.Serializer):
    equipment = CodeField(equipment_by_code)
    stop_start = serializers.DateTimeField(help_text="Start of the stop; with the machine it names the stop.")
    reason_code = serializers.CharField(max_length=40, default="", allow_blank=True)
    description = serializers.CharField(max_length=2000, default="", allow_blank=True)
    person = BadgeField(help_text="Badge of who raised it, when a program sends it.")


class MaintenanceStepSerializer(serializers.Serializer):
    at = serializers.DateTimeField(default=None, allow_null=True, help_text="Default: now.")
    person = BadgeField(help_text="Badge of who did it, when a program sends it.")


class MaintenanceCloseSerializer(MaintenanceStepSerializer):
    cure = serializers.CharField(max_length=2000, help_text="What cured it.")
