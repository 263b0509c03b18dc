"""How lots, movements and shortages look as JSON, and what a write may hold."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.utils import timezone
from rest_framework import serializers

from plant.rest import BadgeField, CodeField, KeyField
from plant.selectors import equipment_by_code
from production.selectors.lookups import job_order_for_code
from traceability import selectors
from traceability.models import LotMovement, MaterialLot, MaterialShortage


class Amount(serializers.DecimalField):
    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=20, decimal_places=6, **options)


class EquipmentCode(CodeField):
    def __init__(self, **options: Any) -> None:
        super().__init__(equipment_by_code, **options)


class JobOrderCode(CodeField):
    def __init__(self, **options: Any) -> None:
        super().__init__(job_order_for_code, **options)


class LotSerializer(serializers.ModelSerializer):
    material = serializers.CharField(source="material.code")
    unit = serializers.CharField(source="material.unit")
    place = serializers.CharField(source="place.code")
    produced_by = serializers.CharField(source="produced_by.code", default=None)

    class Meta:
        model = MaterialLot
        fields = [
            "code",
            "material",
            "unit",
            "place",
            "supplier",
            "supplier_lot",
            "produced_by",
            "expires_at",
        ]


class LotBalanceSerializer(serializers.Serializer):
    received = Amount()
    produced = Amount()
    used = Amount()
    scrapped = Amount()
    shipped = Amount()
    on_hand = Amount()
    remainder = Amount(help_text="What stock counts found to differ; shown, never spread.")


class LotDetailSerializer(LotSerializer):
    status = serializers.SerializerMethodField(help_text="available, used_up, lot_expired or lot_blocked.")
    balance = serializers.SerializerMethodField()

    class Meta(LotSerializer.Meta):
        fields = [*LotSerializer.Meta.fields, "status", "balance"]

    def get_status(self, lot: MaterialLot) -> str:
        return selectors.lot_status(lot, now=timezone.now())

    def get_balance(self, lot: MaterialLot) -> dict[str, str]:
        return {name: str(value) for name, value in asdict(selectors.lot_balance(lot)).items()}


class LotReceiveSerializer(serializers.Serializer):
    code = serializers.CharField(max_length=60)
    material = serializers.CharField(max_length=40)
    quantity = Amount()
    unit = serializers.CharField(max_length=12, default="")
    place = EquipmentCode(help_text="Site or line it is received at.")
    supplier = serializers.CharField(max_length=80, default="", allow_blank=True)
    supplier_lot = serializers.CharField(max_length=60, default="", allow_blank=True)
    expires_at = serializers.DateTimeField(default=None, allow_null=True)
    at = serializers.DateTimeField(default=None, allow_null=True)
    person = BadgeField(help_text="Badge of who received it, when a program sends it.")
    key = KeyField()


class MovementSerializer(serializers.ModelSerializer):
    lot = serializers.CharField(source="lot.code")
    material = serializers.CharField(source="lot.material.code")
    equipment = serializers.CharField(source="equipment.code", default=None)
    job_order = serializers.CharField(source="job_order.code", default=None)
    person = serializers.CharField(source="person.badge", default=None)

    class Meta:
        model = LotMovement
        fields = [
            "id",
            "kind",
            "lot",
            "material",
            "quantity",
            "unit",
            "at",
            "window_start",
            "equipment",
            "job_order",
            "operation",
            "person",
            "comment",
            "recorded_at",
        ]


class MovementWriteSerializer(serializers.Serializer):
    kind = serializers.ChoiceField(LotMovement.Kind.choices)
    lot = serializers.CharField(max_length=60)
    quantity = Amount()
    unit = serializers.CharField(max_length=12, default="")
    at = serializers.DateTimeField()
    window_start = serializers.DateTimeField(
        default=None,
        allow_null=True,
        help_text="Used or made from then until ``at``.",
    )
    equipment = EquipmentCode(default=None, allow_null=True)
    job_order = JobOrderCode(default=None, allow_null=True, help_text="Needed for consumed and produced.")
    material = serializers.CharField(
        max_length=40, default="", help_text="Made lots only: default is the order's product."
    )
    operation = serializers.CharField(max_length=60, default="", allow_blank=True)
    expires_at = serializers.DateTimeField(default=None, allow_null=True, help_text="Made lots only.")
    override_why = serializers.CharField(
        default=None,
        allow_null=True,
        help_text="Why a material that is not in the bill of materials is used.",
    )
    comment = serializers.CharField(default="", allow_blank=True)
    person = BadgeField(help_text="Badge of who scanned, when a program sends it.")
    key = KeyField()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["kind"] in {"consumed", "produced"} and attrs["job_order"] is None:
            raise serializers.ValidationError({"job_order": ["expected the order it was used or made in"]})
        return attrs


class ShortageSerializer(serializers.ModelSerializer):
    equipment = serializers.CharField(source="equipment.code")
    material = serializers.CharField(source="material.code")
    job_order = serializers.CharField(source="job_order.code", default=None)

    class Meta:
        model = MaterialShortage
        fields = ["id", "equipment", "material", "job_order", "start_time", "end_time", "comment", "said_at"]


class ShortageOpenSerializer(serializers.Serializer):
    equipment = EquipmentCode()
    material = serializers.CharField(max_length=40)
    job_order = JobOrderCode(default=None, allow_null=True)
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField(default=None, allow_null=True, help_text="If it is over already.")
    comment = serializers.CharField(default="", allow_blank=True)
    person = BadgeField(help_text="Badge of who noticed, when a program sends it.")


class ShortageCloseSerializer(serializers.Serializer):
    end_time = serializers.DateTimeField()
    comment = serializers.CharField(default="", allow_blank=True)


class TraceNodeSerializer(serializers.Serializer):
    code = serializers.CharField()
    material = serializers.CharField()
    distance = serializers.IntegerField()
    supplier = serializers.CharField()
    supplier_lot = serializers.CharField()
    produced_by = serializers.CharField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)


class TraceEdgeSerializer(serializers.Serializer):
    source = serializers.CharField(help_text="Code of the lot that was used.")  # type: ignore[assignment]
    target = serializers.CharField(help_text="Code of the lot it went into.")
    job_order = serializers.CharField(allow_null=True)
    evidence = serializers.ChoiceField(
        ["booked", "told"], help_text="told: a machine said so by its lot signal, and nobody booked it."
    )


class TraceSerializer(serializers.Serializer):
    lot = serializers.CharField()
    direction = serializers.CharField()
    depth = serializers.IntegerField()
    nodes = TraceNodeSerializer(many=True)
    edges = TraceEdgeSerializer(many=True)
    cycles = serializers.ListField(child=serializers.ListField(child=serializers.CharField()))
    truncated = serializers.BooleanField()
