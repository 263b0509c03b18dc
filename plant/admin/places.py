"""Equipment, classes, links, calendars, materials, reasons."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone

from plant import selectors, services
from plant.admin.base import AuditedAdmin, ReadOnlyAdmin
from plant.domain.calendar import PatternError, pattern_read
from plant.models import (
    CalendarSlot,
    CalendarVersion,
    Department,
    Equipment,
    EquipmentClass,
    EquipmentLink,
    MaterialDefinition,
    ParallelGroup,
    Reason,
    TimeModel,
)


@admin.register(Department)
class DepartmentAdmin(AuditedAdmin):
    list_display = ["code", "name_en", "name_fr"]
    search_fields = ["code", "name_en", "name_fr"]


@admin.register(EquipmentClass)
class EquipmentClassAdmin(AuditedAdmin):
    list_display = ["code", "name_en", "name_fr", "parent"]
    list_select_related = ["parent"]
    search_fields = ["code", "name_en", "name_fr"]


@admin.register(TimeModel)
class TimeModelAdmin(AuditedAdmin):
    list_display = ["equipment_class", "name_en", "name_fr", "valid_from"]
    list_select_related = ["equipment_class"]
    list_filter = ["equipment_class"]
    search_fields = ["name_en", "name_fr", "equipment_class__code"]


class EquipmentForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        above = values.get("parent")
        while above is not None:
            if above.pk == self.instance.pk:
                raise forms.ValidationError({"parent": "read a part of itself, expected what it is part of"})
            above = above.parent
        return values


@admin.register(Equipment)
class EquipmentAdmin(AuditedAdmin):
    """The path follows from the parent and the code, for it and everything below."""

    form = EquipmentForm
    list_display = ["path", "code", "name_en", "name_fr", "level", "equipment_class", "is_constraint"]
    list_select_related = ["equipment_class"]
    list_filter = ["level", "equipment_class"]
    search_fields = ["code", "name_en", "name_fr", "path"]
    readonly_fields = ["path"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.path = f"{obj.parent.path if obj.parent else '/'}{obj.code}/"
        super().save_model(request, obj, form, change)
        services.equipment_paths_refresh()


@admin.register(ParallelGroup)
class ParallelGroupAdmin(AuditedAdmin):
    list_display = ["code", "name_en", "name_fr", "line", "minimum_running"]
    list_select_related = ["line"]
    search_fields = ["code", "name_en", "name_fr", "line__code"]


@admin.register(EquipmentLink)
class EquipmentLinkAdmin(AuditedAdmin):
    list_display = ["upstream", "downstream", "buffer_capacity", "transit", "tolerance"]
    list_select_related = ["upstream", "downstream"]
    search_fields = ["upstream__code", "downstream__code"]


@admin.register(MaterialDefinition)
class MaterialDefinitionAdmin(AuditedAdmin):
    list_display = ["code", "name_en", "name_fr", "kind", "unit", "family"]
    list_filter = ["kind", "family"]
    search_fields = ["code", "name_en", "name_fr"]


@admin.register(Reason)
class ReasonAdmin(AuditedAdmin):
    list_display = ["code", "name_en", "name_fr", "parent", "equipment_class", "time_class", "is_active"]
    list_select_related = ["parent", "equipment_class"]
    list_filter = ["equipment_class", "department", "time_class", "is_active"]
    search_fields = ["code", "name_en", "name_fr"]


class CalendarVersionForm(forms.ModelForm):  # type: ignore[type-arg]
    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        if values.get("line") and isinstance(values.get("pattern"), dict):
            try:
                pattern_read(values["pattern"], str(selectors.site_zone(values["line"])))
            except PatternError as error:
                raise forms.ValidationError({"pattern": str(error)}) from None
        return values


@admin.register(CalendarVersion)
class CalendarVersionAdmin(AuditedAdmin):
    """A change is a new version; the intervals of days that have begun stay as they were."""

    form = CalendarVersionForm
    fields = ["line", "valid_from", "pattern"]
    list_display = ["line", "valid_from", "recorded_at", "tz_data"]
    list_select_related = ["line"]
    list_filter = ["line"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.tz_data = services.tz_data_version()
        super().save_model(request, obj, form, change)
        until = timezone.now() + services.CALENDAR_HORIZON + timedelta(days=1)
        services.calendar_materialise(line_id=obj.line_id, until=until.date())


@admin.register(CalendarSlot)
class CalendarSlotAdmin(ReadOnlyAdmin):
    list_display = ["line", "production_day", "kind", "code", "start_time", "end_time"]
    list_select_related = ["line"]
    list_filter = ["line", "kind"]
    date_hierarchy = "production_day"
