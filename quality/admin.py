"""Checks are master data; results and decisions are facts, to look at only."""

from __future__ import annotations

from django.contrib import admin

from plant.admin import AuditedAdmin, ReadOnlyAdmin
from quality.models import (
    CheckImport,
    Disposition,
    Nonconformance,
    SpecificationVersion,
    TestResult,
    TestSpecification,
)


@admin.register(TestSpecification)
class TestSpecificationAdmin(AuditedAdmin):
    list_display = ["code", "name_en", "equipment", "lower", "target", "upper", "unit", "department"]
    list_select_related = ["equipment", "department"]
    list_filter = ["is_active", "department"]
    search_fields = ["code", "name_en", "name_fr"]


@admin.register(SpecificationVersion)
class SpecificationVersionAdmin(ReadOnlyAdmin):
    list_display = ["specification", "number", "valid_from", "lower", "target", "upper", "unit"]
    list_select_related = ["specification"]
    search_fields = ["specification__code"]


@admin.register(TestResult)
class TestResultAdmin(ReadOnlyAdmin):
    list_display = ["measured_at", "specification", "value", "unit", "judgement", "job_order", "source"]
    list_select_related = ["specification", "job_order"]
    list_filter = ["judgement", "source"]
    search_fields = ["specification__code", "lot_code"]


@admin.register(Nonconformance)
class NonconformanceAdmin(ReadOnlyAdmin):
    list_display = ["code", "opened_at", "equipment", "job_order", "lot_code", "description"]
    list_select_related = ["equipment", "job_order"]
    search_fields = ["code", "lot_code"]


@admin.register(Disposition)
class DispositionAdmin(ReadOnlyAdmin):
    list_display = ["said_at", "nonconformance", "decision", "quantity", "why", "said_by"]
    list_select_related = ["nonconformance", "said_by"]


@admin.register(CheckImport)
class CheckImportAdmin(ReadOnlyAdmin):
    list_display = ["file_name", "row_number", "result", "recorded_at"]
    list_select_related = ["result"]
