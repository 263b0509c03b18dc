from __future__ import annotations

import django_filters

from connectors.models import Gap, QuarantinedMessage, SignalDefinition


class SignalFilter(django_filters.FilterSet):
    connection = django_filters.CharFilter(field_name="connection__slug")
    equipment = django_filters.CharFilter(field_name="equipment__code")
    address = django_filters.CharFilter()

    class Meta:
        model = SignalDefinition
        fields = ["connection", "equipment", "address", "role"]


class GapFilter(django_filters.FilterSet):
    connection = django_filters.CharFilter(field_name="connection__slug")
    equipment = django_filters.CharFilter(field_name="equipment__code")
    start = django_filters.IsoDateTimeFilter(method="after", label="Overlapping from (ISO 8601)")
    end = django_filters.IsoDateTimeFilter(
        field_name="start_time", lookup_expr="lt", label="Overlapping until"
    )
    open = django_filters.BooleanFilter(field_name="end_time", lookup_expr="isnull", label="Still going")

    class Meta:
        model = Gap
        fields = ["connection", "equipment", "cause", "start", "end", "open"]

    def after(self, queryset, name, value):  # type: ignore[no-untyped-def]
        return queryset.exclude(end_time__lte=value)


class QuarantineFilter(django_filters.FilterSet):
    connection = django_filters.CharFilter(field_name="connection__slug")
    source = django_filters.CharFilter()

    class Meta:
        model = QuarantinedMessage
        fields = ["connection", "source", "form", "status"]
