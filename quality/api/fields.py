"""How checks, results and nonconformances look as JSON, and what a write may hold."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from plant.rest import BadgeField, CodeField, KeyField
from plant.selectors import equipment_by_code
from production.selectors.lookups import job_order_for_code
from quality.domain.dispositions import status_of
from quality.models import (
    Disposition,
    Nonconformance,
    SpecificationVersion,
    TestResult,
    TestSpecification,
)


class Amount(serializers.DecimalField):
    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=20, decimal_places=6, **options)


class SpecificationSerializer(serializers.ModelSerializer):
    equipment = serializers.CharField(source="equipment.code")
    department = serializers.CharField(source="department.code", default=None)

    class Meta:
        model = TestSpecification
        fields = [
            "code",
            "name_en",
            "name_fr",
            "equipment",
            "products",
            "department",
            "unit",
            "lower",
            "upper",
            "target",
            "every_minutes",
            "at_start",
            "connection",
            "address",
            "method",
            "is_active",
        ]


class SpecificationVersionSerializer(serializers.ModelSerializer):
    class Meta:
        model = SpecificationVersion
        fields = ["number", "valid_from", "lower", "upper", "target", "unit", "recorded_at"]


class ResultSerializer(serializers.ModelSerializer):
    specification = serializers.CharField(source="specification.code")
    equipment = serializers.CharField(source="equipment.code")
    job_order = serializers.CharField(source="job_order.code", default=None)
    lot = serializers.CharField(source="lot_code")
    person = serializers.CharField(source="person.badge", default=None)
    nonconformance = serializers.CharField(source="nonconformance.code", default=None)
    version = serializers.IntegerField(
        source="version.number", default=None, help_text="Version of the check it was judged by."
    )
    supersedes = serializers.IntegerField(
        source="supersedes_id", allow_null=True, help_text="The result this one corrects."
    )
    superseded_by = serializers.IntegerField(
        source="superseded_by.pk", default=None, help_text="The result that corrects this one."
    )

    class Meta:
        model = TestResult
        fields = [
            "id",
            "specification",
            "version",
            "supersedes",
            "superseded_by",
            "why",
            "equipment",
            "job_order",
            "lot",
            "sample_number",
            "value",
            "unit",
            "lower",
            "upper",
            "target",
            "judgement",
            "measured_at",
            "source",
            "gauge",
            "person",
            "comment",
            "nonconformance",
            "recorded_at",
        ]


class ResultWriteSerializer(serializers.Serializer):
    specification = serializers.CharField(max_length=40)
    value = Amount()
    measured_at = serializers.DateTimeField()
    job_order = CodeField(
        job_order_for_code, default=None, allow_null=True, help_text="Default: the order that ran there."
    )
    lot = serializers.CharField(max_length=60, default="", allow_blank=True)
    sample_number = serializers.IntegerField(default=None, allow_null=True, min_value=0, max_value=2**31 - 1)
    gauge = serializers.CharField(max_length=60, default="", allow_blank=True)
    comment = serializers.CharField(default="", allow_blank=True)
    person = BadgeField(help_text="Badge of who measured, when a program sends it.")
    key = KeyField()


class ResultCorrectSerializer(serializers.Serializer):
    value = Amount()
    why = serializers.CharField(max_length=2000, help_text="What was wrong with the earlier result.")
    person = BadgeField(help_text="Badge of who corrects it, when a program sends it.")


class DispositionSerializer(serializers.ModelSerializer):
    person = serializers.CharField(source="said_by.badge", default=None)

    class Meta:
        model = Disposition
        fields = ["decision", "quantity", "why", "person", "said_at"]


class NonconformanceSerializer(serializers.ModelSerializer):
    equipment = serializers.CharField(source="equipment.code")
    job_order = serializers.CharField(source="job_order.code", default=None)
    lot = serializers.CharField(source="lot_code")
    specification = serializers.CharField(source="result.specification.code", default=None)
    value = Amount(source="result.value", default=None)
    status = serializers.SerializerMethodField(help_text="open, on_hold or decided.")
    decision = serializers.CharField(
        allow_null=True, help_text="The last decision, null while there is none."
    )

    class Meta:
        model = Nonconformance
        fields = [
            "code",
            "equipment",
            "job_order",
            "lot",
            "specification",
            "value",
            "description",
            "opened_at",
            "status",
            "decision",
            "said_at",
        ]

    def get_status(self, row: Any) -> str:
        return status_of(row.decision)


class NonconformanceOpenSerializer(serializers.Serializer):
    equipment = CodeField(equipment_by_code)
    description = serializers.CharField(max_length=2000)
    job_order = CodeField(job_order_for_code, default=None, allow_null=True)
    lot = serializers.CharField(max_length=60, default="", allow_blank=True)
    opened_at = serializers.DateTimeField(default=None, allow_null=True)


class DispositionWriteSerializer(serializers.Serializer):
    decision = serializers.ChoiceField(Disposition.Decided.choices)
    why = serializers.CharField(max_length=2000)
    quantity = Amount(default=None, allow_null=True)
