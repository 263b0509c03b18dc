"""Lots and what happened to them, to look at: facts are written by scans and services only."""

from __future__ import annotations

from django.contrib import admin

from plant.admin import ReadOnlyAdmin
from traceability.models import LotMovement, MaterialLot, MaterialShortage


@admin.register(MaterialLot)
class MaterialLotAdmin(ReadOnlyAdmin):
    list_display = ["code", "material", "place", "supplier", "supplier_lot", "produced_by", "expires_at"]
    list_select_related = ["material", "place", "produced_by"]
    search_fields = ["code", "supplier_lot", "material__code"]


@admin.register(LotMovement)
class LotMovementAdmin(ReadOnlyAdmin):
    list_display = ["at", "kind", "lot", "quantity", "unit", "equipment", "job_order", "actor"]
    list_select_related = ["lot", "equipment", "job_order"]
    list_filter = ["kind"]
    search_fields = ["lot__code", "job_order__code"]


@admin.register(MaterialShortage)
class MaterialShortageAdmin(ReadOnlyAdmin):
    list_display = ["start_time", "end_time", "equipment", "material", "job_order", "said_by"]
    list_select_related = ["equipment", "material", "job_order", "said_by"]
