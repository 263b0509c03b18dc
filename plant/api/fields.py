"""How places, materials, reasons and the trail look as JSON."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from plant.models import AuditEntry, Decision, Equipment, MaterialDefinition, Reason
from plant.rest import CodeField
from plant.selectors import equipment_by_code


class EquipmentSerializer(serializers.ModelSerializer[Equipment]):
    parent = serializers.CharField(source="parent.code", default=None)  # type: ignore[assignment]
    minimum_stop = serializers.SerializerMethodField(help_text="Seconds.")
    registered_stop = serializers.SerializerMethodField(help_text="Seconds.")
    stale_after = serializers.SerializerMethodField(help_text="Seconds.")
    no_count_after = serializers.SerializerMethodField(help_text="Seconds.")
    slow_over = serializers.SerializerMethodField(help_text="Seconds.")

    class Meta:
        model = Equipment
        fields = [
            "code",
            "name",
            "name_en",
            "name_fr",
            "level",
            "parent",
            "path",
            "position",
            "is_constraint",
            "is_manual",
            "parallel_orders",
            "time_zone",
            "minimum_stop",
            "registered_stop",
            "stale_after",
            "no_count_after",
            "no_count_cycles",
            "slow_below",
            "slow_over",
        ]

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        # "class" is a word of the language, so it cannot be declared as an attribute.
        fields["class"] = serializers.CharField(
            source="equipment_class.code", default=None, help_text="Code of its equipment class."
        )
        return fields

    def get_minimum_stop(self, row: Equipment) -> float | None:
        return row.minimum_stop.total_seconds() if row.minimum_stop else None

    def get_registered_stop(self, row: Equipment) -> float | None:
        return row.registered_stop.total_seconds() if row.registered_stop else None

    def get_stale_after(self, row: Equipment) -> float | None:
        return row.stale_after.total_seconds() if row.stale_after else None

    def get_no_count_after(self, row: Equipment) -> float | None:
        return row.no_count_after.total_seconds() if row.no_count_after else None

    def get_slow_over(self, row: Equipment) -> float | None:
        return row.slow_over.total_seconds() if row.slow_over else None


class MaterialSerializer(serializers.ModelSerializer[MaterialDefinition]):
    class Meta:
        model = MaterialDefinition
        fields = ["code", "name", "name_en", "name_fr", "kind", "unit", "family"]


class ReasonSerializer(serializers.ModelSerializer[Reason]):
    parent = serializers.CharField(source="parent.code", default=None)  # type: ignore[assignment]
    department = serializers.CharField(source="department.code", default=None)
    expected_duration = serializers.SerializerMethodField(help_text="Seconds; a longer stop is an overrun.")

    class Meta:
        model = Reason
        fields = [
            "code",
            "name",
            "name_en",
            "name_fr",
            "parent",
            "department",
            "time_class",
            "opens_request",
            "position",
            "valid_from",
            "valid_to",
            "expected_duration",
            "is_catch_all",
        ]

    def get_expected_duration(self, reason: Reason) -> float | None:
        return reason.expected_duration.total_seconds() if reason.expected_duration else None


class DecisionSerializer(serializers.ModelSerializer[Decision]):
    line = serializers.CharField(source="line.code")
    job_order = serializers.CharField(source="job_order_code")
    said_by = serializers.CharField(source="said_by.badge", default=None, help_text="Badge of who decided.")

    class Meta:
        model = Decision
        fields = [
            "id",
            "kind",
            "line",
            "subject_type",
            "subject_code",
            "job_order",
            "summary",
            "why",
            "detail",
            "said_by",
            "said_by_rule",
            "said_at",
        ]


class DecisionWriteSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(Decision.Kind.choices)
    line = CodeField(equipment_by_code, help_text="Code of the line it concerns.")
    subject_type = serializers.CharField(max_length=40)
    subject_code = serializers.CharField(max_length=80)
    job_order = serializers.CharField(max_length=40, default="", allow_blank=True)
    summary = serializers.CharField(max_length=200)
    why = serializers.CharField(help_text="The reason; a decision without one is refused.")
    detail = serializers.JSONField(default=dict)


class AuditSerializer(serializers.ModelSerializer[AuditEntry]):
    person = serializers.CharField(source="person.badge", default=None)
    device = serializers.CharField(source="device.label", default=None)

    class Meta:
        model = AuditEntry
        fields = [
            "id",
            "at",
            "person",
            "device",
            "actor",
            "action",
            "subject_type",
            "subject_code",
            "why",
            "before",
            "after",
        ]
