"""Master data by form: every change leaves who, before and after; what was received or said is only shown."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db import models, transaction
from django.http import HttpRequest

from plant import audit, services
from plant.access import actor_of
from plant.services.configuration import shown


def values_of(row: models.Model) -> dict[str, Any]:
    """Every stored field of a row as JSON a person can read."""
    return shown(
        type(row), {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}
    )


class AuditedAdmin(admin.ModelAdmin):
    """For configuration of any app. Facts and assertions registered with it can be looked at, not edited."""

    list_per_page = 50
    show_full_result_count = False

    @property
    def is_frozen(self) -> bool:
        return bool(getattr(self.model, "append_only", False))

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.admin_site.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.admin_site.has_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return not self.is_frozen and self.admin_site.has_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not self.is_frozen and self.admin_site.has_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return not self.is_frozen and self.admin_site.has_permission(request)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        before = values_of(self.model._default_manager.get(pk=obj.pk)) if change else None
        super().save_model(request, obj, form, change)
        self.written(request, obj, before=before, after=values_of(obj))

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            before = values_of(obj)
            self.written(request, obj, before=before, after=None)
            super().delete_model(request, obj)

    def delete_queryset(self, request: HttpRequest, queryset: models.QuerySet[Any]) -> None:
        with transaction.atomic():
            for obj in queryset:
                self.delete_model(request, obj)

    def save_formset(self, request: HttpRequest, form: Any, formset: Any, change: bool) -> None:
        old = {row.pk: values_of(row) for row in formset.get_queryset()}
        formset.save()
        for row in formset.new_objects:
            self.written(request, row, before=None, after=values_of(row))
        for row, _ in formset.changed_objects:
            self.written(request, row, before=old.get(row.pk), after=values_of(row))
        for row in formset.deleted_objects:
            self.written(request, row, before=values_of(row), after=None)

    def written(self, request: HttpRequest, row: models.Model, *, before: Any, after: Any) -> None:
        """Leave the audit entry of one row with the fields that differ, and have pages drawn anew."""
        if before is not None and after is not None:
            names = [name for name in after if after[name] != before.get(name)]
            before, after = ({name: side.get(name) for name in names} for side in (before, after))
            if not names:
                return
        verb = "create" if before is None else "delete" if after is None else "change"
        name = str(row._meta.model_name)
        audit.record(
            by=actor_of(request),
            action=f"{name}.{verb}",
            subject_type=name,
            subject_code=str(row)[:120],
            why="master data form",
            before=before,
            after=after,
        )
        services.lines_redraw()


class ReadOnlyAdmin(AuditedAdmin):
    """For what services alone write."""

    @property
    def is_frozen(self) -> bool:
        return True
