"""How orders, stops, states and figures look as JSON, and what a write may hold."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from plant.rest import BadgeField, CodeField
from plant.selectors import equipment_by_code
from production.models import CountAssertion, JobOrder, JobOrderEvent, JobOrderVersion, NoteAssertion, Stop
from production.selectors import StopTold
from production.selectors.lookups import job_order_for_code


class Amount(serializers.DecimalField):
    def __init__(self, **options: Any) -> None:
        super().__init__(max_digits=20, decimal_places=6, **options)


@extend_schema_field(OpenApiTypes.DOUBLE)
class Seconds(serializers.Field[timedelta, float, float, Any]):
    """A duration as seconds; read only."""

    def __init__(self, **options: Any) -> None:
        super().__init__(read_only=True, **options)

    def to_representation(self, value: timedelta) -> float:
        return value.total_seconds()


class JobOrderSerializer(serializers.ModelSerializer):
    line = serializers.CharField(source="line.code")
    product = serializers.CharField(source="product.code")
    work_master = serializers.CharField(source="work_master.code", default=None)
    quantity = Amount()

    class Meta:
        model = JobOrder
        fields = [
            "code", "line", "product", "work_master", "quantity", "unit", "due_time", "planned_start",
            "planned_end", "sequence", "priority", "options", "external_id", "external_source", "version",
            "state", "started_at", "ended_at", "created_at",
        ]  # fmt: skip


class JobOrderItemSerializer(serializers.Serializer):
    """One order to store. Read leniently here and strictly by the service, which names every error."""

    code = serializers.CharField()
    line = serializers.CharField()
    product = serializers.CharField()
    quantity = Amount()
    unit = serializers.CharField(required=False)
    work_master = serializers.CharField(required=False)
    due_time = serializers.DateTimeField(required=False)
    planned_start = serializers.DateTimeField(required=False)
    planned_end = serializers.DateTimeField(required=False)
    sequence = serializers.IntegerField(required=False)
    priority = serializers.IntegerField(required=False)
    options = serializers.DictField(required=False)
    external_id = serializers.CharField(required=False)
    external_source = serializers.CharField(required=False)
    released = serializers.BooleanField(required=False)


class PlanErrorSerializer(serializers.Serializer):
    field = serializers.CharField()
    read = serializers.CharField(allow_null=True)
    expected = serializers.CharField()


class StoredSerializer(serializers.Serializer):
    index = serializers.IntegerField()
    code = serializers.CharField()
    action = serializers.ChoiceField(choices=["stored", "updated", "unchanged", "refused"])
    errors = PlanErrorSerializer(many=True)  # type: ignore[assignment]


class CommandSerializer(serializers.Serializer):
    """``at``: when it took effect, now if left out. ``person``: badge of whoever a program speaks for."""

    at = serializers.DateTimeField(required=False)
    why = serializers.CharField(required=False, allow_blank=True, default="")
    person = BadgeField(required=False)


class SequenceSerializer(serializers.Serializer):
    line = CodeField(equipment_by_code)
    job_orders = serializers.ListField(child=serializers.CharField(), allow_empty=False, max_length=1000)
    why = serializers.CharField()
    at = serializers.DateTimeField(required=False)
    person = BadgeField(required=False)


class VersionSerializer(serializers.ModelSerializer):
    person = serializers.CharField(source="person.badge", default=None)

    class Meta:
        model = JobOrderVersion
        fields = ["version", "change", "at", "plan", "person", "actor", "why"]


class EventSerializer(serializers.ModelSerializer):
    person = serializers.CharField(source="person.badge", default=None)

    class Meta:
        model = JobOrderEvent
        fields = ["verb", "at", "person", "actor", "why"]


class StateSerializer(serializers.Serializer):
    start_time = serializers.DateTimeField(source="start")
    end_time = serializers.DateTimeField(source="end", allow_null=True)
    state = serializers.CharField()
    mode = serializers.CharField()
    fault_code = serializers.CharField()
    cause = serializers.CharField()


class StopSerializer(serializers.Serializer):
    """A stop and the reason in force. It is addressed by equipment and start; its id follows from them."""

    id = serializers.UUIDField(source="stop.id")
    equipment = serializers.CharField(source="stop.work_unit.code")
    start_time = serializers.DateTimeField(source="stop.start_time")
    end_time = serializers.DateTimeField(source="stop.end_time", allow_null=True)
    base_class = serializers.ChoiceField(source="stop.base_class", choices=Stop.BaseClass.choices)
    size = serializers.ChoiceField(source="stop.size", choices=Stop.Size.choices)
    fault_code = serializers.CharField(source="stop.fault_code")
    needs_reason = serializers.BooleanField(source="stop.needs_reason")
    reason = serializers.CharField(source="said.reason.code", default=None)
    said_by = serializers.CharField(source="said.said_by.badge", default=None)
    said_by_rule = serializers.CharField(source="said.said_by_rule", default="")
    said_at = serializers.DateTimeField(source="said.said_at", default=None)
    comment = serializers.CharField(source="said.comment", default="")
    assertion = serializers.IntegerField(source="said.pk", default=None)
    overrun = Seconds(help_text="What it took beyond the usual time of its reason; null if none.")

    def to_representation(self, instance: StopTold) -> dict[str, Any]:
        return dict(super().to_representation(instance))


class MicroStopsSerializer(serializers.Serializer):
    """Micro-stops told as one; ``seconds`` is the time they took together, running between them left out."""

    start_time = serializers.DateTimeField(source="start")
    end_time = serializers.DateTimeField(source="end", allow_null=True)
    count = serializers.IntegerField()
    seconds = Seconds(source="time")
    base_class = serializers.ChoiceField(choices=Stop.BaseClass.choices)
    fault_code = serializers.CharField()


class ReasonWriteSerializer(serializers.Serializer):
    """``end_time`` left out: until the stop ends. ``seen_end``: the end the author saw, so a stale view is
    refused.
    """

    equipment = CodeField(equipment_by_code)
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField(required=False, allow_null=True, default=None)
    reason = serializers.CharField(allow_blank=True)
    seen_end = serializers.DateTimeField(required=False, allow_null=True, default=None)
    supersedes = serializers.IntegerField(required=False, allow_null=True, default=None)
    comment = serializers.CharField(required=False, allow_blank=True, default="")
    at = serializers.DateTimeField(required=False)
    person = BadgeField(required=False)


class ReasonSaidSerializer(serializers.Serializer):
    id = serializers.IntegerField()
    equipment = serializers.CharField(source="equipment.code")
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField(source="reason.code", default=None)
    said_by = serializers.CharField(source="said_by.badge", default=None)
    said_at = serializers.DateTimeField()
    comment = serializers.CharField()
    supersedes = serializers.IntegerField(source="supersedes_id", default=None)


class NoteSerializer(serializers.ModelSerializer):
    equipment = serializers.CharField(source="equipment.code")
    job_order = serializers.CharField(source="job_order.code", default=None)
    said_by = serializers.CharField(source="said_by.badge", default=None)

    class Meta:
        model = NoteAssertion
        fields = ["id", "equipment", "job_order", "start_time", "end_time", "text", "said_by", "said_at"]


class NoteWriteSerializer(serializers.Serializer):
    equipment = CodeField(equipment_by_code)
    job_order = CodeField(job_order_for_code, required=False, allow_null=True, default=None)
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField(required=False, allow_null=True, default=None)
    text = serializers.CharField()
    supersedes = serializers.IntegerField(required=False, allow_null=True, default=None)
    at = serializers.DateTimeField(required=False)
    person = BadgeField(required=False)


class CountSerializer(serializers.ModelSerializer):
    equipment = serializers.CharField(source="equipment.code")
    job_order = serializers.CharField(source="job_order.code", default=None)
    reason = serializers.CharField(source="reason.code", default=None)
    said_by = serializers.CharField(source="said_by.badge", default=None)
    quantity = Amount()

    class Meta:
        model = CountAssertion
        fields = [
            "id", "equipment", "job_order", "start_time", "end_time", "kind", "quantity", "reason", "comment",
            "said_by", "said_at",
        ]  # fmt: skip


class CountWriteSerializer(serializers.Serializer):
    equipment = CodeField(equipment_by_code)
    job_order = CodeField(job_order_for_code, required=False, allow_null=True, default=None)
    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    kind = serializers.ChoiceField(choices=CountAssertion.Kind.choices)
    quantity = Amount()
    reason = serializers.CharField(required=False, allow_blank=True, default="")
    comment = serializers.CharField(required=False, allow_blank=True, default="")
    supersedes = serializers.IntegerField(required=False, allow_null=True, default=None)
    at = serializers.DateTimeField(required=False)
    person = BadgeField(required=False)


class TimesSerializer(serializers.Serializer):
    """Seconds of each time class; together exactly the window."""

    start_time = serializers.DateTimeField()
    end_time = serializers.DateTimeField()
    seconds = serializers.DictField(child=serializers.DecimalField(max_digits=20, decimal_places=6))
    unexplained = serializers.DecimalField(max_digits=20, decimal_places=6)
    slow = serializers.DecimalField(
        max_digits=20, decimal_places=6, help_text="Of the running time: below the machine's limit for long."
    )
    slow_lost = serializers.FloatField(help_text="Of that: what the ideal rate would not have needed.")


class TimeModelSerializer(serializers.Serializer):
    """What states and modes count as: by whose definition, since when (null: it always was)."""

    name = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    states = serializers.DictField(source="definition.states", child=serializers.CharField())
    modes = serializers.DictField(source="definition.modes", child=serializers.CharField())

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        fields = super().get_fields()
        # "class" is a word of the language, so it cannot be declared as an attribute.
        fields["class"] = serializers.CharField(
            source="family", help_text="Code of the equipment class that says it; empty for the standard."
        )
        return fields


class KpiSerializer(serializers.Serializer):
    """Ratios are null where their denominator is 0 or something they need is not known; never capped."""

    equipment = serializers.CharField()
    attribution = serializers.CharField()
    paced_by = serializers.CharField()
    paced_with = serializers.ListField(
        child=serializers.CharField(), help_text="The machines that pace it side by side."
    )
    good_from = serializers.CharField()
    good_from_all = serializers.ListField(
        child=serializers.CharField(), help_text="The machines whose good pieces are the line's."
    )
    account = TimesSerializer()
    time_models = TimeModelSerializer(many=True)
    nf_e60_182 = serializers.DictField()
    iso_22400_2 = serializers.DictField()
    bridges = serializers.ListField(child=serializers.DictField())
    made = serializers.ListField(child=serializers.DictField())
