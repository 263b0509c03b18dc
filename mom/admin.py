"""Reaction plans are master data."""

from __future__ import annotations

from django.contrib import admin

from mom.reactions.models import ReactionPlan
from plant.admin import AuditedAdmin


@admin.register(ReactionPlan)
class ReactionPlanAdmin(AuditedAdmin):
    list_display = ["code", "name_en", "equipment", "reason", "time_class", "within", "calls", "is_active"]
    list_select_related = ["equipment", "reason"]
    list_filter = ["is_active", "calls"]
    search_fields = ["code", "name_en", "name_fr", "reason__code"]
