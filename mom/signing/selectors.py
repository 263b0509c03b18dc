"""Signed shifts and orders, each with its versions."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from mom.signing.models import OrderSignature, ShiftReport


def report_of(*, line_id: int, start: datetime) -> ShiftReport | None:
    """The report in force of the shift that began then."""
    found = ShiftReport.objects.filter(line_id=line_id, start_time=start, superseded_by=None)
    return found.select_related("line", "said_by", "supersedes").first()


def report_versions(*, line_id: int, start: datetime) -> list[ShiftReport]:
    """Every report of the shift that began then, newest first; the first is in force."""
    found = ShiftReport.objects.filter(line_id=line_id, start_time=start).order_by("-id")
    return list(found.select_related("said_by").prefetch_related("restatements"))


def reports_between(*, line_ids: Iterable[int], start: datetime, end: datetime) -> list[ShiftReport]:
    """Reports in force of shifts that began in [start, end), newest first."""
    found = ShiftReport.objects.filter(
        line_id__in=list(line_ids), start_time__gte=start, start_time__lt=end, superseded_by=None
    )
    return list(found.select_related("line", "said_by").prefetch_related("restatements"))


def order_signatures(*, job_order_id: int) -> list[OrderSignature]:
    """Every signature of an order's record, newest first; the first is in force."""
    found = OrderSignature.objects.filter(job_order_id=job_order_id).order_by("-version")
    return list(found.select_related("said_by", "job_order__line").prefetch_related("restatements"))


def orders_signed(*, codes: Iterable[str]) -> set[str]:
    """Which of these orders are signed, by code."""
    found = OrderSignature.objects.filter(job_order__code__in=list(codes))
    return set(found.values_list("job_order__code", flat=True))
