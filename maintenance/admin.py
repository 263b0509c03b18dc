"""Requests and what was done about them, to look at: tablets, pages and the API write them."""

from __future__ import annotations

from django.contrib import admin

from maintenance.models import InterventionImport, MaintenanceEvent, MaintenanceRequest
from plant.admin import ReadOnlyAdmin


@admin.register(MaintenanceRequest)
class MaintenanceRequestAdmin(ReadOnlyAdmin):
    list_display = ["code", "stop_start", "equipment", "reason_code", "job_order", "description", "said_by"]
    list_select_related = ["equipment", "job_order", "said_by"]
    search_fields = ["code", "reason_code", "equipment__code"]


@admin.register(MaintenanceEvent)
class MaintenanceEventAdmin(ReadOnlyAdmin):
    list_display = ["at", "kind", "request", "person", "cure"]
    list_select_related = ["request", "person"]
    list_filter = ["kind"]


@admin.register(InterventionImport)
class InterventionImportAdmin(ReadOnlyAdmin):
    list_display = ["file_name", "row_number", "request", "recorded_at"]
    list_select_related = ["request"]
