"""Routings, rates and standards are master data; orders, facts and assertions are to look at only."""

from __future__ import annotations

from django.contrib import admin

from plant.admin import AuditedAdmin, ReadOnlyAdmin
from production.models import (
    BillOfMaterialsItem,
    ChangeoverStandard,
    ChangeoverStep,
    ChangeoverStepAssertion,
    ContributionRate,
    CostRate,
    CountAssertion,
    IdealRate,
    JobOrder,
    JobOrderEvent,
    JobOrderVersion,
    NoteAssertion,
    OperationsSegment,
    ReasonAssertion,
    ReasonRule,
    StartUpRule,
    UnitConversion,
    WorkMaster,
)


@admin.register(WorkMaster)
class WorkMasterAdmin(AuditedAdmin):
    list_display = ["code", "name_en", "product", "line", "version", "is_active"]
    list_select_related = ["product", "line"]
    list_filter = ["is_active", "line"]
    search_fields = ["code", "name_en", "name_fr", "product__code"]


@admin.register(OperationsSegment)
class OperationsSegmentAdmin(AuditedAdmin):
    list_display = ["work_master", "position", "code", "name_en", "equipment_class"]
    list_select_related = ["work_master", "equipment_class"]
    search_fields = ["code", "work_master__code"]


@admin.register(BillOfMaterialsItem)
class BillOfMaterialsItemAdmin(AuditedAdmin):
    list_display = ["work_master", "material", "quantity", "unit", "segment"]
    list_select_related = ["work_master", "material", "segment"]
    search_fields = ["work_master__code", "material__code"]


@admin.register(IdealRate)
class IdealRateAdmin(AuditedAdmin):
    list_display = ["equipment", "product", "units_per_hour", "valid_from", "source"]
    list_select_related = ["equipment", "product"]
    list_filter = ["equipment"]
    search_fields = ["equipment__code", "product__code"]


@admin.register(UnitConversion)
class UnitConversionAdmin(AuditedAdmin):
    list_display = ["product", "equipment", "unit", "counted", "makes", "valid_from", "source"]
    list_select_related = ["product", "equipment"]
    list_filter = ["unit"]
    search_fields = ["product__code", "equipment__code", "unit"]


@admin.register(ContributionRate)
class ContributionRateAdmin(AuditedAdmin):
    list_display = ["product", "per_unit", "currency", "valid_from", "source"]
    list_select_related = ["product"]
    search_fields = ["product__code"]


@admin.register(CostRate)
class CostRateAdmin(AuditedAdmin):
    list_display = ["equipment", "per_hour", "currency", "valid_from", "source"]
    list_select_related = ["equipment"]
    search_fields = ["equipment__code"]


@admin.register(StartUpRule)
class StartUpRuleAdmin(AuditedAdmin):
    list_display = ["equipment", "run_up", "pieces", "long_stop", "valid_from"]
    list_select_related = ["equipment"]
    search_fields = ["equipment__code"]


@admin.register(ChangeoverStandard)
class ChangeoverStandardAdmin(AuditedAdmin):
    list_display = ["line", "from_product", "from_family", "to_product", "to_family", "seconds"]
    list_select_related = ["line", "from_product", "to_product"]
    list_filter = ["line"]


@admin.register(ChangeoverStep)
class ChangeoverStepAdmin(AuditedAdmin):
    list_display = ["changeover", "position", "code", "name_en", "is_external", "standard_time"]
    list_select_related = ["changeover"]
    list_filter = ["changeover__line", "is_external"]
    search_fields = ["code", "name_en", "name_fr"]


@admin.register(ReasonRule)
class ReasonRuleAdmin(AuditedAdmin):
    list_display = ["code", "fault_code", "reason", "equipment", "equipment_class", "priority", "valid_from"]
    list_select_related = ["reason", "equipment", "equipment_class"]
    list_filter = ["is_active", "equipment_class"]
    search_fields = ["code", "name_en", "name_fr", "fault_code", "reason__code"]


@admin.register(JobOrder)
class JobOrderAdmin(ReadOnlyAdmin):
    list_display = ["code", "line", "product", "quantity", "state", "due_time", "sequence", "version"]
    list_select_related = ["line", "product"]
    list_filter = ["state", "line"]
    search_fields = ["code", "external_id", "product__code"]


@admin.register(JobOrderVersion)
class JobOrderVersionAdmin(ReadOnlyAdmin):
    list_display = ["job_order", "version", "change", "at", "actor", "person", "why"]
    list_select_related = ["job_order", "person"]
    search_fields = ["job_order__code"]


@admin.register(JobOrderEvent)
class JobOrderEventAdmin(ReadOnlyAdmin):
    list_display = ["at", "job_order", "verb", "actor", "person", "why"]
    list_select_related = ["job_order", "person"]
    search_fields = ["job_order__code"]


@admin.register(ReasonAssertion)
class ReasonAssertionAdmin(ReadOnlyAdmin):
    list_display = ["said_at", "equipment", "start_time", "end_time", "reason", "said_by", "comment"]
    list_select_related = ["equipment", "reason", "said_by"]


@admin.register(NoteAssertion)
class NoteAssertionAdmin(ReadOnlyAdmin):
    list_display = ["said_at", "equipment", "start_time", "text", "said_by"]
    list_select_related = ["equipment", "said_by"]


@admin.register(CountAssertion)
class CountAssertionAdmin(ReadOnlyAdmin):
    list_display = ["said_at", "equipment", "job_order", "kind", "quantity", "said_by"]
    list_select_related = ["equipment", "job_order", "said_by"]


@admin.register(ChangeoverStepAssertion)
class ChangeoverStepAssertionAdmin(ReadOnlyAdmin):
    list_display = ["said_at", "job_order", "step", "start_time", "end_time", "said_by"]
    list_select_related = ["job_order", "step", "said_by"]
