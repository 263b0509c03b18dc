"""/api/v1/work-instructions and /api/v1/instruction-readings: every version, and who confirmed which."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import mixins, serializers, viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from mom.api.filters import InstructionFilter, ReadingFilter
from plant import selectors
from plant.access import scoped
from plant.rest import BadgeField, CodeField, ETagged, actor_for, actor_of, once
from production.selectors.instructions import instruction_for_id, instruction_readings, instructions_written
from production.selectors.lookups import job_order_for_code
from production.services.instructions import Written, instruction_read, instruction_write


def _row(model: str, field: str = "code") -> Any:
    """Finds a row of a configuration model by its code."""
    return lambda code: selectors.configuration_rows(model).get(**{field: code})


class InstructionSerializer(serializers.Serializer):
    """One version; what it is bound to is null where it holds for all. ``has_image``: see its page."""

    id = serializers.IntegerField()
    code = serializers.CharField()
    version = serializers.IntegerField()
    name_en = serializers.CharField()
    name_fr = serializers.CharField()
    text_en = serializers.CharField()
    text_fr = serializers.CharField()
    changed_en = serializers.CharField()
    changed_fr = serializers.CharField()
    product = serializers.CharField(source="product.code", default=None)
    work_master = serializers.CharField(source="segment.work_master.code", default=None)
    segment = serializers.CharField(source="segment.code", default=None)
    equipment_class = serializers.CharField(source="equipment_class.code", default=None)
    owner = serializers.CharField(source="owner.code", default=None)
    effective_from = serializers.DateTimeField()
    withdrawn = serializers.BooleanField()
    has_image = serializers.SerializerMethodField()
    author = serializers.CharField()
    recorded_at = serializers.DateTimeField()

    def get_has_image(self, instruction: Any) -> bool:
        return bool(instruction.image_type)


class InstructionWriteSerializer(serializers.Serializer):
    """The next version of an instruction, or the first. A later one says what is new in it."""

    code = serializers.CharField(max_length=60)
    name_en = serializers.CharField(max_length=120, default="", allow_blank=True)
    name_fr = serializers.CharField(max_length=120, default="", allow_blank=True)
    text_en = serializers.CharField(default="", allow_blank=True)
    text_fr = serializers.CharField(default="", allow_blank=True)
    changed_en = serializers.CharField(max_length=400, default="", allow_blank=True)
    changed_fr = serializers.CharField(max_length=400, default="", allow_blank=True)
    product = CodeField(_row("plant.MaterialDefinition"), default=None, allow_null=True)
    equipment_class = CodeField(_row("plant.EquipmentClass"), default=None, allow_null=True)
    owner = CodeField(_row("plant.Department"), default=None, allow_null=True)
    effective_from = serializers.DateTimeField(default=None, allow_null=True, help_text="Default: now.")
    withdrawn = serializers.BooleanField(default=False)


class InstructionViewSet(ETagged, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet):
    """Work instructions, version by version: how a step is done, for which product and machines."""

    required_action = "view"
    required_actions = {"create": "order.plan"}
    serializer_class = InstructionSerializer
    filterset_class = InstructionFilter
    lookup_value_regex = r"\d{1,18}"
    cursor_ordering = ("code", "-version", "id")

    def get_queryset(self) -> QuerySet[Any]:
        return instructions_written()

    @extend_schema(request=InstructionWriteSerializer, responses={201: InstructionSerializer}, filters=False)
    def create(self, request: Request) -> Response:
        """Write the next version. Pictures are added on its page. Needs an Idempotency-Key."""

        def write() -> tuple[int, Any]:
            data = InstructionWriteSerializer(data=request.data)
            data.is_valid(raise_exception=True)
            values = dict(data.validated_data)
            for name in ("product", "equipment_class", "owner"):
                found = values.pop(name)
                values[f"{name}_id"] = found.pk if found else None
            values["effective_from"] = values["effective_from"] or timezone.now()
            made = instruction_write(written=Written(**values), by=actor_of(request))
            return 201, InstructionSerializer(instruction_for_id(made.pk)).data

        return once(request, write, required=True)


class InstructionReadingSerializer(serializers.Serializer):
    """Someone confirmed having read a version, for an order, at a station."""

    id = serializers.IntegerField()
    instruction = serializers.CharField(source="instruction.code")
    version = serializers.IntegerField(source="instruction.version")
    job_order = serializers.CharField(source="job_order.code")
    equipment = serializers.CharField(source="equipment.code")
    said_by = serializers.CharField(source="said_by.badge", default=None)
    said_at = serializers.DateTimeField()


class ReadingWriteSerializer(serializers.Serializer):
    """``instruction``: id of the version that was read."""

    instruction = serializers.IntegerField(min_value=1)
    job_order = CodeField(job_order_for_code)
    equipment = CodeField(selectors.equipment_by_code)
    person = BadgeField(help_text="Badge of who read it, when a program sends it.")


class ReadingViewSet(ETagged, mixins.ListModelMixin, viewsets.GenericViewSet):
    """Confirmations of having read a work instruction, by the order they were made for."""

    required_action = "view"
    required_actions = {"create": "note.write"}
    serializer_class = InstructionReadingSerializer
    filterset_class = ReadingFilter
    cursor_ordering = ("-said_at", "-id")

    def get_queryset(self) -> QuerySet[Any]:
        return scoped(instruction_readings(), actor_of(self.request))

    @extend_schema(
        request=ReadingWriteSerializer, responses={201: InstructionReadingSerializer}, filters=False
    )
    def create(self, request: Request) -> Response:
        """Confirm having read a version. Saying it again changes nothing. Needs an Idempotency-Key."""

        def write() -> tuple[int, Any]:
            data = ReadingWriteSerializer(data=request.data)
            data.is_valid(raise_exception=True)
            given = data.validated_data
            said = instruction_read(
                job_order_id=given["job_order"].pk,
                instruction_id=given["instruction"],
                equipment_id=given["equipment"].pk,
                by=actor_for(request, given["person"]),
            )
            return 201, InstructionReadingSerializer(instruction_readings().get(pk=said.pk)).data

        return once(request, write, required=True)
