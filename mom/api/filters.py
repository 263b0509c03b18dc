"""What actions, saved views, instructions and readings can be asked for; the pages' own names."""

from __future__ import annotations

from typing import Any

import django_filters as filters
from django.db.models import QuerySet
from django.utils import timezone

from mom.improvement.models import Action
from mom.saved_views.models import SavedView


class ActionFilter(filters.FilterSet):
    state = filters.MultipleChoiceFilter(choices=Action.State.choices)
    reason = filters.CharFilter(field_name="reason__code", label="Code of a reason.")
    equipment = filters.CharFilter(field_name="equipment__code", label="Code of a line or machine.")
    owner = filters.CharFilter(field_name="owner__badge", label="Badge of who will do it.")
    overdue = filters.BooleanFilter(method="_overdue", label="true: due before today and not done.")

    def _overdue(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        late = {"due_on__lt": timezone.now().date(), "done_at": None, "closed_at": None}
        return queryset.filter(**late) if value else queryset.exclude(**late)


class SavedViewFilter(filters.FilterSet):
    page = filters.ChoiceFilter(choices=SavedView.Page.choices)


class InstructionFilter(filters.FilterSet):
    code = filters.CharFilter()
    product = filters.CharFilter(field_name="product__code", label="Code of a product.")
    equipment_class = filters.CharFilter(field_name="equipment_class__code", label="Code of a class.")
    owner = filters.CharFilter(field_name="owner__code", label="Code of a department.")


class ReadingFilter(filters.FilterSet):
    job_order = filters.CharFilter(field_name="job_order__code", label="Code of a production order.")
    instruction = filters.CharFilter(field_name="instruction__code", label="Code of an instruction.")
    equipment = filters.CharFilter(field_name="equipment__code", label="Code of a station.")
    since = filters.IsoDateTimeFilter(field_name="said_at", lookup_expr="gte")
