"""/api/v1/equipment, /api/v1/materials and /api/v1/reasons."""

from __future__ import annotations

from django.db.models import QuerySet
from rest_framework import mixins, viewsets

from plant.access import scoped
from plant.api import fields
from plant.filters import EquipmentFilter, MaterialFilter, ReasonFilter
from plant.models import Equipment, MaterialDefinition, Reason
from plant.rest import ETagged, actor_of


class EquipmentViewSet(
    ETagged, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[Equipment]
):
    """Sites, areas, lines and machines the caller may look at."""

    required_action = "view"
    serializer_class = fields.EquipmentSerializer
    filterset_class = EquipmentFilter
    queryset = Equipment.objects.select_related("parent", "equipment_class")
    lookup_field = "code"
    lookup_value_regex = "[^/]+"
    cursor_ordering = "path"

    def get_queryset(self) -> QuerySet[Equipment]:
        return scoped(super().get_queryset(), actor_of(self.request), path="path")


class MaterialViewSet(
    ETagged, mixins.ListModelMixin, mixins.RetrieveModelMixin, viewsets.GenericViewSet[MaterialDefinition]
):
    """Products, ingredients and packaging; shared by all sites."""

    required_action = "view"
    serializer_class = fields.MaterialSerializer
    filterset_class = MaterialFilter
    queryset = MaterialDefinition.objects.all()
    lookup_field = "code"
    lookup_value_regex = "[^/]+"
    cursor_ordering = "code"


class ReasonViewSet(ETagged, mixins.ListModelMixin, viewsets.GenericViewSet[Reason]):
    """Reasons in use, in their fixed order; with ``equipment``, the ones offered there."""

    required_action = "view"
    serializer_class = fields.ReasonSerializer
    filterset_class = ReasonFilter
    queryset = Reason.objects.filter(is_active=True).select_related("parent", "department")
    cursor_ordering = ("position", "code")
