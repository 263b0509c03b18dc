"""The plan: orders stored, changed and put in sequence; every version kept with who, when and why."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from plant import audit
from plant import services as plant
from plant.access import Actor
from production.domain.job_order import ABORTED, ALLOW, ENDED, NOT_ALLOWED, REVOKE, STORE
from production.models import JobOrder, JobOrderVersion
from production.services.execution import event_record, execution_refresh
from production.services.plan_reading import Context, PlanError, plan_read

STEP = 10
FINISHED = (ENDED, ABORTED)
WRITABLE = (
    "product_id", "work_master_id", "quantity", "unit", "due_time", "planned_start", "planned_end",
    "sequence",
    "priority", "options", "external_id", "external_source", "line_id",
)  # fmt: skip


class StaleView(ValueError):
    """Something changed since the author looked. ``seen`` and ``now`` are both versions, for the author to
    compare.
    """

    is_bad_input = True

    def __init__(self, what: str, seen: Any, now: Any) -> None:
        self.seen, self.now = seen, now
        super().__init__(f"{what} changed meanwhile: seen {seen}, now {now}")


@dataclass(frozen=True, slots=True)
class Stored:
    """What became of one order given. ``action``: stored, updated, unchanged or refused."""

    index: int
    code: str
    action: str
    errors: tuple[PlanError, ...] = ()
    changes: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)
    job_order_id: int | None = None


@transaction.atomic
def job_orders_store(
    *,
    items: Sequence[Mapping[str, Any]],
    by: Actor,
    why: str = "",
    dry_run: bool = False,
    at: datetime | None = None,
) -> list[Stored]:
    """Store orders, or new versions of known ones; each item stands by itself, a refused one stops none.

    An item: code, line, product, quantity (required; codes as text), work_master, unit, due_time,
    planned_start,
    planned_end, sequence, priority, options, external_id, external_source, released. Storing what is already
    so
    changes nothing. ``dry_run`` tells what would happen.
    """
    context = Context.of(items)
    at = at or timezone.now()
    results: list[Stored] = []
    lines: set[int] = set()
    for index, item in enumerate(items):
        result = _store_one(index, item, context, by=by, why=why, at=at, dry_run=dry_run)
        results.append(result)
        if result.action in ("stored", "updated") and not dry_run:
            lines.add(context.lines[str(item["line"])].pk)
    for line_id in sorted(lines):
        plant.revision_bump(line_id=line_id)
    return results


def _store_one(
    index: int, item: Mapping[str, Any], context: Context, *, by: Actor, why: str, at: datetime, dry_run: bool
) -> Stored:
    plan, errors = plan_read(item, context, by)
    code = str(item.get("code", ""))
    known = context.orders.get(code)
    if errors:
        return Stored(index, code, "refused", tuple(errors))
    if known is None:
        if dry_run:
            return Stored(index, code, "stored", changes={k: (None, v) for k, v in shown(plan).items()})
        job_order = _create(code, plan, context, by=by, why=why, at=at, released=item.get("released", True))
        return Stored(index, code, "stored", job_order_id=job_order.pk)
    changes = {
        key: (getattr(known, key), value) for key, value in plan.items() if getattr(known, key) != value
    }
    if not changes:
        return Stored(index, code, "unchanged", job_order_id=known.pk)
    if known.state in FINISHED:
        error = PlanError("code", code, _("an order that is not finished"))
        return Stored(index, code, "refused", (error,))
    if not dry_run:
        _change(known, plan, change=JobOrderVersion.Change.UPDATE, by=by, why=why, at=at)
    return Stored(index, code, "updated", changes=changes, job_order_id=known.pk)


def _create(
    code: str, plan: Mapping[str, Any], context: Context, *, by: Actor, why: str, at: datetime, released: bool
) -> JobOrder:
    values = {"sequence": context.next_sequence(plan["line_id"]), **plan}
    job_order = JobOrder.objects.create(code=code, created_at=at, **values)
    context.orders[code] = job_order
    _version(job_order, JobOrderVersion.Change.STORE, by=by, why=why, at=at)
    event_record(job_order, STORE, at=at, by=by, why=why)
    if not released:
        event_record(job_order, REVOKE, at=at, by=by, why=why)
    # The machines may have worked on it before it was told here.
    execution_refresh(job_order)
    _audit(job_order, "job_order.store", by=by, why=why, before=None, after=shown(plan), at=at)
    return job_order


def _change(
    job_order: JobOrder, values: Mapping[str, Any], *, change: str, by: Actor, why: str, at: datetime
) -> None:
    before = {key: getattr(job_order, key) for key in values if getattr(job_order, key) != values[key]}
    for key in before:
        setattr(job_order, key, values[key])
    job_order.version += 1
    job_order.save(
        update_fields=[*(key.removesuffix("_id") if key in _KEYS else key for key in before), "version"]
    )
    _version(job_order, change, by=by, why=why, at=at)
    after = shown({key: values[key] for key in before})
    _audit(job_order, f"job_order.{change}", by=by, why=why, before=shown(before), after=after, at=at)


_KEYS = ("product_id", "work_master_id", "line_id")


def _version(job_order: JobOrder, change: str, *, by: Actor, why: str, at: datetime) -> None:
    JobOrderVersion.objects.create(
        job_order=job_order,
        version=job_order.version,
        change=change,
        at=at,
        plan=shown({key: getattr(job_order, key) for key in WRITABLE}),
        person_id=by.person_id,
        device_id=by.device_id,
        actor=by.label[:80],
        why=why,
    )


def _audit(
    job_order: JobOrder, action: str, *, by: Actor, why: str, before: Any, after: Any, at: datetime
) -> None:
    audit.record(
        by=by, action=action, subject_type="job_order", subject_code=job_order.code, why=why,
        before=before, after=after, at=at,
    )  # fmt: skip


def shown(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values as JSON."""
    return {key: _json(value) for key, value in values.items()}


def _json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return value.isoformat() if isinstance(value, datetime) else value


@transaction.atomic
def job_order_update(
    *,
    job_order_id: int,
    changes: Mapping[str, Any],
    by: Actor,
    why: str = "",
    seen_version: int | None = None,
    at: datetime | None = None,
) -> JobOrder:
    """Change an order's plan, at the last moment if need be: any of the fields of ``job_orders_store`` but
    its code.

    Raises StaleView when ``seen_version`` is not the newest, PlanRefused with every error found.
    """
    at = at or timezone.now()
    job_order = (
        JobOrder.objects.select_for_update(of=("self",), no_key=True)
        .select_related("line", "product", "work_master")
        .get(pk=job_order_id)
    )
    by.require("order.plan", job_order.line)
    if seen_version is not None and seen_version != job_order.version:
        raise StaleView(f"order {job_order.code}", f"version {seen_version}", f"version {job_order.version}")
    if job_order.state in FINISHED:
        raise PlanRefused([PlanError("state", job_order.state, _("an order that is not finished"))])
    item = {"line": job_order.line.code, "product": job_order.product.code, **_held(job_order), **changes}
    item["code"] = job_order.code
    plan, errors = plan_read(item, Context.of([item]), by)
    if job_order.started_at is not None and plan and plan["line_id"] != job_order.line_id:
        where = _("%(line)s, where it has started") % {"line": job_order.line.code}
        errors.append(PlanError("line", item["line"], where))
    if errors:
        raise PlanRefused(errors)
    wanted = {key: value for key, value in plan.items() if getattr(job_order, key) != value}
    if wanted:
        _change(job_order, wanted, change=JobOrderVersion.Change.UPDATE, by=by, why=why, at=at)
        _decide(job_order, wanted, by=by, why=why, at=at)
    _release(job_order, changes.get("released"), by=by, why=why, at=at)
    plant.revision_bump(line_id=job_order.line_id)
    return job_order


class PlanRefused(ValueError):
    """The plan holds something that cannot be; ``errors`` says what was read and what was expected, field by
    field.
    """

    is_bad_input = True

    def __init__(self, errors: Sequence[PlanError]) -> None:
        self.errors = tuple(errors)
        super().__init__("; ".join(str(error) for error in errors))


def _held(job_order: JobOrder) -> dict[str, Any]:
    names = (
        "quantity",
        "unit",
        "due_time",
        "planned_start",
        "planned_end",
        "sequence",
        "priority",
        "options",
    )
    held: dict[str, Any] = {name: getattr(job_order, name) for name in names}
    held["work_master"] = job_order.work_master.code if job_order.work_master else None
    return held


def _decide(job_order: JobOrder, wanted: Mapping[str, Any], *, by: Actor, why: str, at: datetime) -> None:
    if not why.strip():
        return
    summary = ", ".join(f"{key.removesuffix('_id')} → {value}" for key, value in shown(wanted).items())
    plant.decision_record(
        kind="order_change",
        line_id=job_order.line_id,
        subject_type="job_order",
        subject_code=job_order.code,
        job_order_code=job_order.code,
        summary=f"{job_order.code}: {summary}"[:200],
        why=why,
        by=by,
        detail=shown(wanted),
        at=at,
    )


def _release(job_order: JobOrder, released: bool | None, *, by: Actor, why: str, at: datetime) -> None:
    if released is None or released == (job_order.state != NOT_ALLOWED):
        return
    event_record(job_order, ALLOW if released else REVOKE, at=at, by=by, why=why)
    execution_refresh(job_order)


@transaction.atomic
def sequence_change(
    *, line_id: int, job_order_ids: Sequence[int], by: Actor, why: str, at: datetime | None = None
) -> list[JobOrder]:
    """Put a line's open orders in this sequence, those not named after them. A decision: it needs a reason.

    Raises PlanRefused for an order that is finished or not on the line, ValueError without a reason.
    """
    at = at or timezone.now()
    open_orders = _open_orders(line_id)
    by_id = {order.pk: order for order in open_orders}
    unknown = [pk for pk in job_order_ids if pk not in by_id]
    if unknown or len(set(job_order_ids)) != len(job_order_ids):
        expected = "open orders of the line, each once"
        raise PlanRefused([PlanError("job_order_ids", unknown or list(job_order_ids), expected)])
    if open_orders:
        by.require("order.plan", open_orders[0].line)
    before = [order.code for order in open_orders]
    named = [by_id[pk] for pk in job_order_ids]
    ordered = [*named, *(order for order in open_orders if order.pk not in set(job_order_ids))]
    for number, order in enumerate(ordered, 1):
        if order.sequence != number * STEP:
            moved = {"sequence": number * STEP}
            _change(order, moved, change=JobOrderVersion.Change.SEQUENCE, by=by, why=why, at=at)
    _sequence_decide(line_id, before, [order.code for order in ordered], by=by, why=why, at=at)
    return ordered


def _open_orders(line_id: int) -> list[JobOrder]:
    return list(
        JobOrder.objects.select_for_update(of=("self",))
        .select_related("line")
        .filter(line_id=line_id)
        .exclude(state__in=FINISHED)
        .order_by("sequence", "code")
    )


def _sequence_decide(
    line_id: int, before: list[str], after: list[str], *, by: Actor, why: str, at: datetime
) -> None:
    moved = next((a for a, b in zip(after, before, strict=True) if a != b), after[0] if after else "")
    plant.decision_record(
        kind="schedule_change",
        line_id=line_id,
        subject_type="sequence",
        subject_code=moved,
        job_order_code=moved,
        summary=", ".join(after[:8])[:200],
        why=why,
        by=by,
        detail={"before": before, "after": after},
        at=at,
    )
