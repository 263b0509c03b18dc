"""What lists of the ground floor can be asked for; the same names everywhere."""

from __future__ import annotations

import django_filters as filters
from django.db.models import Q, QuerySet

from plant import selectors
from plant.models import AuditEntry, Decision, Equipment, MaterialDefinition, Reason


class EquipmentFilter(filters.FilterSet):
    """``class`` is joined to the others below: it is a word of the language."""

    level = filters.ChoiceFilter(choices=Equipment.Level.choices)
    line = filters.CharFilter(method="of_line", label="Code of a line: it and its machines.")
    parent = filters.CharFilter(field_name="parent__code", label="Code of what it is part of.")

    class Meta:
        model = Equipment
        fields = ["level", "line", "parent"]

    def of_line(self, queryset: QuerySet[Equipment], name: str, value: str) -> QuerySet[Equipment]:
        return queryset.filter(Q(path__contains=f"/{value}/"))


EquipmentFilter.base_filters["class"] = filters.CharFilter(
    field_name="equipment_class__code", label="Code of an equipment class."
)


class ReasonFilter(filters.FilterSet):
    equipment = filters.CharFilter(
        method="on_equipment", label="Code of a machine: the reasons offered on it."
    )

    class Meta:
        model = Reason
        fields = ["equipment"]

    def on_equipment(self, queryset: QuerySet[Reason], name: str, value: str) -> QuerySet[Reason]:
        offered = selectors.reasons_offered(selectors.equipment_by_code(value))
        return queryset.filter(pk__in=[reason.pk for reason in offered])


class MaterialFilter(filters.FilterSet):
    kind = filters.ChoiceFilter(choices=MaterialDefinition.Kind.choices)

    class Meta:
        model = MaterialDefinition
        fields = ["kind", "family"]


class DecisionFilter(filters.FilterSet):
    kind = filters.ChoiceFilter(choices=Decision.Kind.choices)
    line = filters.CharFilter(field_name="line__code", label="Code of a line.")
    job_order = filters.CharFilter(field_name="job_order_code", label="Code of a production order.")
    since = filters.IsoDateTimeFilter(field_name="said_at", lookup_expr="gte")

    class Meta:
        model = Decision
        fields = ["kind", "line", "subject_type", "subject_code", "job_order", "since"]


class AuditFilter(filters.FilterSet):
    since = filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    until = filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt")
    badge = filters.CharFilter(field_name="person__badge", label="Badge of who did it.")

    class Meta:
        model = AuditEntry
        fields = ["subject_type", "subject_code", "action", "actor", "badge", "since", "until"]
