"""Connections and signals are master data; what came through them is to look at only."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext

from connectors import services
from connectors.interface import ConfigurationError
from connectors.models import Connection, Gap, QuarantinedMessage, SignalDefinition, Watermark
from plant.access import actor_of
from plant.admin import AuditedAdmin, ReadOnlyAdmin


class ConnectionAdminForm(forms.ModelForm):  # type: ignore[type-arg]
    """Settings that cannot work are refused here as on the connection's own page."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if not self.errors:
            try:
                services.settings_check(protocol=cleaned["protocol"], config=cleaned["config"])
            except ConfigurationError as error:
                self.add_error("config", error.said(gettext))
        return cleaned


@admin.register(Connection)
class ConnectionAdmin(AuditedAdmin):
    form = ConnectionAdminForm
    list_display = ["slug", "name_en", "protocol", "site", "enabled", "revision"]
    list_select_related = ["site"]
    list_filter = ["protocol", "enabled"]
    search_fields = ["slug", "name_en", "name_fr"]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if "config" in form.changed_data:
            services.exception_record(
                protocol=obj.protocol, config=obj.config, slug=obj.slug, by=actor_of(request)
            )


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
