"""What the list of requests can be narrowed by; the same names on pages and API."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet

from maintenance.models import MaintenanceRequest
from maintenance.selectors.requests import still_open


class RequestFilter(django_filters.FilterSet):
    code = django_filters.CharFilter()
    equipment = django_filters.CharFilter(field_name="equipment__code")
    job_order = django_filters.CharFilter(field_name="job_order__code")
    reason = django_filters.CharFilter(field_name="reason_code")
    open = django_filters.BooleanFilter(method="by_open")
    start = django_filters.IsoDateTimeFilter(field_name="stop_start", lookup_expr="gte")
    end = django_filters.IsoDateTimeFilter(field_name="stop_start", lookup_expr="lt")

    class Meta:
        model = MaintenanceRequest
        fields: list[str] = []

    def by_open(
        self, queryset: QuerySet[MaintenanceRequest], name: str, value: bool
    ) -> QuerySet[MaintenanceRequest]:
        return queryset.filter(still_open() if value else ~still_open())
