"""What lists of lots, movements and shortages can be narrowed by; the same names on pages and API."""

from __future__ import annotations

import django_filters

from traceability.models import LotMovement, MaterialLot, MaterialShortage


class LotFilter(django_filters.FilterSet):
    code = django_filters.CharFilter()
    material = django_filters.CharFilter(field_name="material__code")
    place = django_filters.CharFilter(field_name="place__code")
    supplier = django_filters.CharFilter()
    supplier_lot = django_filters.CharFilter()
    produced_by = django_filters.CharFilter(field_name="produced_by__code")
    expires_before = django_filters.IsoDateTimeFilter(field_name="expires_at", lookup_expr="lt")

    class Meta:
        model = MaterialLot
        fields: list[str] = []


class MovementFilter(django_filters.FilterSet):
    lot = django_filters.CharFilter(field_name="lot__code")
    kind = django_filters.ChoiceFilter(choices=LotMovement.Kind.choices)
    material = django_filters.CharFilter(field_name="lot__material__code")
    job_order = django_filters.CharFilter(field_name="job_order__code")
    equipment = django_filters.CharFilter(field_name="equipment__code")
    start = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="gte")
    end = django_filters.IsoDateTimeFilter(field_name="at", lookup_expr="lt")

    class Meta:
        model = LotMovement
        fields: list[str] = []


class ShortageFilter(django_filters.FilterSet):
    equipment = django_filters.CharFilter(field_name="equipment__code")
    material = django_filters.CharFilter(field_name="material__code")
    job_order = django_filters.CharFilter(field_name="job_order__code")
    open = django_filters.BooleanFilter(field_name="end_time", lookup_expr="isnull")

    class Meta:
        model = MaterialShortage
        fields: list[str] = []
