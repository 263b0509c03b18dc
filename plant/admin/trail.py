"""Who did what, to look at."""

from __future__ import annotations

from django.contrib import admin

from plant.admin.base import ReadOnlyAdmin
from plant.models import AuditEntry, Decision


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["at", "actor", "action", "subject_type", "subject_code", "why"]
    list_filter = ["subject_type"]
    search_fields = ["subject_code", "actor", "action"]


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    list_display = ["said_at", "kind", "line", "subject_code", "summary", "said_by", "said_by_rule"]
    list_select_related = ["line", "said_by"]
    list_filter = ["kind", "line"]
    search_fields = ["subject_code", "job_order_code", "summary"]
