"""What was recorded about something signed after it was signed, and which figures each of it is part of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from connectors.selectors.late import LateValues, late_values
from mom.signing.models import OrderSignature, ShiftReport
from plant import selectors as plant
from production.selectors.recorded import RecordedSince, recorded_since
from quality import selectors as quality
from traceability import selectors as traceability

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.models import JobOrder

COUNTERS = frozenset({"good_count", "scrap_count", "total_count", "rework_count"})
# Configuration a figure is computed with, as the audit trail names it.
CONFIGURATION = (
    "equipment", "equipmentlink", "parallelgroup", "calendarversion", "calendar", "reason",
    "signaldefinition", "connection", "changeoverstandard", "billofmaterialsitem",
    "timemodelmapping", "statusmapping",
)  # fmt: skip
# The audit entry of a rate is written with it.
WITH_IT = timedelta(seconds=5)
Causes = dict[str, Any]


def causes_since(*, report: ShiftReport, since: datetime) -> Causes:
    """What was recorded about a shift after an instant: late values, what people said, configuration."""
    return _recorded(report.line, since=since, start=report.start_time, end=report.end_time)


def order_causes_since(
    *, signature: OrderSignature, start: datetime, end: datetime, since: datetime
) -> Causes:
    """What was recorded about an order after an instant; ``start`` to ``end``: when it was worked on."""
    order = signature.job_order
    found = _recorded(order.line, since=since, start=start, end=end, order=order)
    return {**found, **_said_of_order(order, since)}


def _recorded(
    line: Equipment, *, since: datetime, start: datetime, end: datetime, order: JobOrder | None = None
) -> Causes:
    units = plant.line_work_units(line.pk)
    ids = [line.pk, *(unit.pk for unit in units)]
    window = {"start": start, "end": end, "since": since}
    said = recorded_since(equipment_ids=ids, job_order_id=order.pk if order else None, **window)
    late = late_values(equipment_ids=ids, **window)
    codes = [line.code, *(unit.code for unit in units)]
    return {
        "late_values": sum(row.values for row in late),
        "late_signals": [_late(row) for row in late],
        **_said(said),
        "configuration": _configured(since, codes),
    }


def _late(row: LateValues) -> dict[str, Any]:
    return {
        "at": row.arrived.isoformat(),
        "by": row.connection,
        "equipment": row.equipment_code,
        "role": row.role,
        "signal": row.address,
        "count": row.values,
        "first": row.first.isoformat(),
        "last": row.last.isoformat(),
    }


def _said(said: RecordedSince) -> Causes:
    # One list per kind of entry: long, and flat.
    return {
        "reasons": [
            {
                "at": row.said_at.isoformat(),
                "by": who(row),
                "reason": row.reason.code if row.reason else None,
                "before": _replaced(row, "reason"),
                "equipment": row.equipment.code,
                "start": row.start_time.isoformat(),
                "end": row.end_time.isoformat() if row.end_time else None,
            }
            for row in said.reasons
        ],
        "counts": [
            {
                "at": row.said_at.isoformat(),
                "by": who(row),
                "kind": row.kind,
                "quantity": str(row.quantity),
                "before": _replaced(row, "quantity"),
                "equipment": row.equipment.code,
            }
            for row in said.counts
        ],
        "plans": [
            {
                "at": row.recorded_at.isoformat(),
                "by": commanded_by(row),
                "order": row.job_order.code,
                "version": row.version,
                "change": row.change,
                "why": row.why,
            }
            for row in said.versions
        ],
        "events": [
            {
                "at": row.recorded_at.isoformat(),
                "by": commanded_by(row),
                "order": row.job_order.code,
                "verb": row.verb,
                "effective": row.at.isoformat(),
            }
            for row in said.events
        ],
        "rates": [
            {
                "at": row.recorded_at.isoformat(),
                "by": _entered_by("idealrate", row.recorded_at),
                "equipment": row.equipment.code,
                "product": row.product.code if row.product else None,
                "rate": str(row.units_per_hour),
                "valid_from": row.valid_from.isoformat(),
            }
            for row in said.rates
        ],
    }


def _replaced(row: Any, name: str) -> str | None:
    """What the entry that this one corrects said: a reason's code, or a quantity."""
    before = getattr(row.supersedes, name, None)
    return None if before is None else str(getattr(before, "code", before))


def _said_of_order(order: JobOrder, since: datetime) -> Causes:
    # One list per kind of entry: long, and flat.
    moved = traceability.movements_for_order(job_order_id=order.pk).filter(recorded_at__gt=since)
    tested = quality.results_for_order(order).filter(recorded_at__gt=since)
    found = quality.nonconformances_for_order(order)
    decided = [d for row in found for d in quality.dispositions_of(row.pk).filter(said_at__gt=since)]
    return {
        "lots": [
            {
                "at": row.recorded_at.isoformat(),
                "by": commanded_by(row),
                "lot": row.lot.code,
                "kind": row.kind,
                "quantity": str(row.quantity),
            }
            for row in moved
        ],
        "tests": [
            {
                "at": row.recorded_at.isoformat(),
                "by": str(row.person or row.actor),
                "check": row.specification.code,
                "value": str(row.value),
                "why": row.why,
            }
            for row in tested
        ],
        "deviations": [
            {"at": row.said_at.isoformat(), "by": who(row), "code": row.code, "decision": None}
            for row in found
            if row.said_at > since
        ]
        + [
            {
                "at": row.said_at.isoformat(),
                "by": who(row),
                "code": row.nonconformance.code,
                "decision": row.decision,
            }
            for row in decided
        ],
        "decisions": [
            {"at": row.said_at.isoformat(), "by": who(row), "what": row.summary, "why": row.why}
            for row in plant.decisions_of(job_order_code=order.code).filter(said_at__gt=since)
        ],
    }


def _configured(since: datetime, codes: Sequence[str]) -> list[dict[str, Any]]:
    """Changes of configuration by people and files; those of a machine only where it is one of the line's."""
    rows: Any = plant.configuration_rows(
        "plant.AuditEntry", subject_type__in=CONFIGURATION, recorded_at__gt=since
    )
    return [
        {
            "at": row.at.isoformat(),
            "by": str(row.person or row.actor),
            "what": row.subject_type,
            "subject": row.subject_code,
            "before": row.before,
            "after": row.after,
        }
        for row in rows.select_related("person").order_by("at", "pk")[:50]
        if row.subject_type == "reason" or any(code in row.subject_code for code in codes)
    ]


def _entered_by(subject_type: str, at: datetime) -> str:
    rows: Any = plant.configuration_rows(
        "plant.AuditEntry", subject_type=subject_type, at__gte=at - WITH_IT, at__lte=at + WITH_IT
    )
    found = rows.select_related("person").order_by("pk").first()
    return str(found.person or found.actor) if found else ""


def who(row: Any) -> str:
    return str(row.said_by) if row.said_by else str(row.said_by_rule)


def commanded_by(row: Any) -> str:
    return str(row.person) if row.person else str(row.actor)


# Kind of cause → the figures it is part of, by the first part of their path. "*": any.
TIMES = frozenset(
    {"seconds", "uncoded_seconds", "uncoded_stops", "causes", "stops", "span_seconds", "worked_seconds"}
)
RATIOS = frozenset({"trs", "oee", "availability", "effectiveness", "quality"})
PIECES = frozenset({"good", "scrap", "started", "remainder", "orders", "materials"})
REACH: Mapping[str, frozenset[str]] = {
    "late_counter": PIECES | RATIOS | {"causes"},
    "late_state": TIMES | RATIOS | {"possible", "complete", "start", "end", "orders", "good", "state"},
    "reasons": TIMES | RATIOS | {"possible", "requests"},
    "counts": PIECES | RATIOS | {"causes"},
    "plans": frozenset({"planned", "plan_version", "product", "unit", "open"}),
    "events": TIMES | RATIOS | PIECES | {"start", "end", "state", "possible", "planned", "open"},
    "rates": RATIOS | {"possible", "causes"},
    "configuration": frozenset({"*"}),
    "lots": frozenset({"lots", "materials"}),
    "tests": frozenset({"tests", "deviations"}),
    "deviations": frozenset({"deviations", "open"}),
    "decisions": frozenset({"decisions"}),
}


def each(causes: Causes) -> Iterable[tuple[str, dict[str, Any]]]:
    """Every cause with its kind, oldest first; late values told apart by what they tell."""
    found = [
        ("late_counter" if row["role"] in COUNTERS else "late_state", row)
        for row in causes.get("late_signals", ())
    ]
    found += [(kind, row) for kind in REACH for row in causes.get(kind, ())]
    return sorted(found, key=lambda item: str(item[1].get("at", "")))


# A reason makes no machine run, and no data come.
NEVER_BY_REASON = frozenset({"seconds/running", "seconds/running_slow", "seconds/unknown"})


def causes_of(path: str, causes: Causes) -> list[tuple[str, dict[str, Any]]]:
    """Of what was recorded, what a figure can have changed by: what it is computed from."""
    section = path.partition("/")[0]
    found = [(kind, row) for kind, row in each(causes) if REACH[kind] & {section, "*"}]
    near = [(kind, row) for kind, row in found if kind != "reasons" or _touches(path, row)]
    said = [row for kind, row in near if kind == "reasons"]
    if section in ("causes", "stops") and said:
        near = [item for item in near if item[0] != "late_state" or any(_meet(item[1], row) for row in said)]
    return near or found


def _touches(path: str, row: Mapping[str, Any]) -> bool:
    """Whether a reason given, changed or taken back can move a figure."""
    section, _slash, name = path.partition("/")
    new_or_gone = row.get("before") is None or row.get("reason") is None
    if path in NEVER_BY_REASON:
        return False
    if section in ("uncoded_seconds", "uncoded_stops"):
        return new_or_gone
    if section not in ("causes", "stops"):
        return True
    parts = name.split(" ")
    named = {row.get("reason"), row.get("before")} & set(parts)
    return bool(named) or (new_or_gone and ("uncoded" in parts or "-" in parts[1:2]))


def _meet(late: Mapping[str, Any], said: Mapping[str, Any]) -> bool:
    """Whether late values lie in the time a reason was given for; one without an end reaches on."""
    begin, end = datetime.fromisoformat(said["start"]), said.get("end")
    before_end = end is None or datetime.fromisoformat(late["first"]) < datetime.fromisoformat(end)
    return before_end and datetime.fromisoformat(late["last"]) >= begin
