"""What lists of orders and stops can be narrowed by; the same names on pages and API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet

from production.models import JobOrder, ReasonAssertion, Stop


class JobOrderFilter(django_filters.FilterSet):
    code = django_filters.CharFilter()
    line = django_filters.CharFilter(field_name="line__code")
    product = django_filters.CharFilter(field_name="product__code")
    state = django_filters.MultipleChoiceFilter(choices=JobOrder.State.choices)
    external_id = django_filters.CharFilter()
    due_before = django_filters.IsoDateTimeFilter(field_name="due_time", lookup_expr="lt")
    planned_after = django_filters.IsoDateTimeFilter(field_name="planned_start", lookup_expr="gte")
    start = django_filters.IsoDateTimeFilter(method="_from")
    end = django_filters.IsoDateTimeFilter(field_name="started_at", lookup_expr="lt")

    class Meta:
        model = JobOrder
        fields: list[str] = []

    def _from(self, queryset: QuerySet[JobOrder], name: str, value: object) -> QuerySet[JobOrder]:
        """Orders worked on at or after an instant."""
        return queryset.filter(Q(ended_at__isnull=True) | Q(ended_at__gt=value), started_at__isnull=False)


class StopFilter(django_filters.FilterSet):
    """``start`` and ``end``: stops that share an instant with the window."""

    equipment = django_filters.CharFilter(field_name="work_unit__code")
    line = django_filters.CharFilter(field_name="work_unit__parent__code")
    start = django_filters.IsoDateTimeFilter(method="_from")
    end = django_filters.IsoDateTimeFilter(field_name="start_time", lookup_expr="lt")
    base_class = django_filters.MultipleChoiceFilter(choices=Stop.BaseClass.choices)
    size = django_filters.MultipleChoiceFilter(choices=Stop.Size.choices)
    fault_code = django_filters.CharFilter()
    reason = django_filters.CharFilter(method="_reason")
    coded = django_filters.BooleanFilter(method="_coded")
    uncoded = django_filters.BooleanFilter(method="_uncoded")

    class Meta:
        model = Stop
        fields: list[str] = []

    def _from(self, queryset: QuerySet[Stop], name: str, value: object) -> QuerySet[Stop]:
        return queryset.filter(Q(end_time__isnull=True) | Q(end_time__gt=value))

    def _reason(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        said = ReasonAssertion.objects.filter(reason__code=value).values("pk")
        return queryset.filter(assertion_id__in=said)

    def _coded(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return queryset.filter(assertion_id__isnull=not value)

    def _uncoded(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        """Those that wait for someone to say why."""
        waiting = Q(needs_reason=True, had_order=True, assertion_id__isnull=True)
        return queryset.filter(waiting) if value else queryset.exclude(waiting)
