"""Connections and signals are master data; what came through them is to look at only."""

from __future__ import annotations

from django.contrib import admin

from connectors.models import Connection, Gap, QuarantinedMessage, SignalDefinition, Watermark
from plant.admin import AuditedAdmin, ReadOnlyAdmin


@admin.register(Connection)
class ConnectionAdmin(AuditedAdmin):
    list_display = ["slug", "name_en", "protocol", "site", "enabled", "revision"]
    list_select_related = ["site"]
    list_filter = ["protocol", "enabled"]
    search_fields = ["slug", "name_en", "name_fr"]


@admin.register(SignalDefinition)
class SignalDefinitionAdmin(AuditedAdmin):
    list_display = ["address", "connection", "equipment", "role", "unit", "department"]
    list_select_related = ["connection", "equipment", "department"]
    list_filter = ["role", "connection"]
    search_fields = ["address", "name_en", "name_fr", "equipment__code"]
    autocomplete_fields = ["setpoint_for"]


@admin.register(Gap)
class GapAdmin(ReadOnlyAdmin):
    list_display = ["start_time", "end_time", "cause", "connection", "equipment", "recovered"]
    list_select_related = ["connection", "equipment"]
    list_filter = ["cause", "connection"]


@admin.register(QuarantinedMessage)
class QuarantinedMessageAdmin(ReadOnlyAdmin):
    list_display = ["last_arrival", "connection", "source", "reason", "count", "status"]
    list_select_related = ["connection"]
    list_filter = ["status", "connection"]


@admin.register(Watermark)
class WatermarkAdmin(ReadOnlyAdmin):
    list_display = ["at", "connection"]
    list_select_related = ["connection"]
    show_full_result_count = False
