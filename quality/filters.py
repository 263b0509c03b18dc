"""What lists of checks, results and nonconformances can be narrowed by; the same names on pages and API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet

from quality.domain.dispositions import Status
from quality.models import Nonconformance, TestResult, TestSpecification

STATUSES: tuple[Status, ...] = ("open", "on_hold", "decided")


class SpecificationFilter(django_filters.FilterSet):
    code = django_filters.CharFilter()
    equipment = django_filters.CharFilter(field_name="equipment__code")
    department = django_filters.CharFilter(field_name="department__code")
    is_active = django_filters.BooleanFilter()

    class Meta:
        model = TestSpecification
        fields: list[str] = []


class ResultFilter(django_filters.FilterSet):
    specification = django_filters.CharFilter(field_name="specification__code")
    equipment = django_filters.CharFilter(field_name="equipment__code")
    job_order = django_filters.CharFilter(field_name="job_order__code")
    lot = django_filters.CharFilter(field_name="lot_code")
    judgement = django_filters.ChoiceFilter(choices=TestResult.Judgement.choices)
    source = django_filters.ChoiceFilter(choices=TestResult.Source.choices)
    corrected = django_filters.BooleanFilter(
        field_name="superseded_by", lookup_expr="isnull", exclude=True, label="A later result corrects it."
    )
    start = django_filters.IsoDateTimeFilter(field_name="measured_at", lookup_expr="gte")
    end = django_filters.IsoDateTimeFilter(field_name="measured_at", lookup_expr="lt")

    class Meta:
        model = TestResult
        fields: list[str] = []


class NonconformanceFilter(django_filters.FilterSet):
    code = django_filters.CharFilter()
    equipment = django_filters.CharFilter(field_name="equipment__code")
    job_order = django_filters.CharFilter(field_name="job_order__code")
    lot = django_filters.CharFilter(field_name="lot_code")
    status = django_filters.ChoiceFilter(
        choices=[(status, status) for status in STATUSES], method="by_status"
    )

    class Meta:
        model = Nonconformance
        fields: list[str] = []

    def by_status(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        if value == "open":
            return queryset.filter(decision=None)
        if value == "on_hold":
            return queryset.filter(decision="hold")
        return queryset.exclude(decision=None).exclude(decision="hold")
