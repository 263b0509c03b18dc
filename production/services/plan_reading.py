"""Reading the plan of an order from plain data: codes to rows, text to numbers and instants, every error
named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from django.db.models import Max
from django.utils.translation import gettext as _

from plant import selectors as plant
from plant.access import Actor
from production.models import JobOrder, WorkMaster

if TYPE_CHECKING:
    from plant.models import Equipment, MaterialDefinition

REQUIRED = ("code", "line", "product", "quantity")
INSTANTS = ("due_time", "planned_start", "planned_end")
NUMBERS = ("sequence", "priority")
TEXTS = {"external_id": 80, "external_source": 40, "unit": 12}
FIELDS = frozenset({*REQUIRED, *INSTANTS, *NUMBERS, *TEXTS, "work_master", "options", "released"})
SMALLEST, LARGEST = Decimal("0.000001"), Decimal("99999999999999")
QUOTED = 120
WHOLE = re.compile(r"-?[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class PlanError:
    """One thing that cannot be: the field, what was read, what was expected."""

    field: str
    read: Any
    expected: str

    def __str__(self) -> str:
        # As far as anybody reads: what was sent may be a text of a megabyte
        read = repr(self.read)
        read = read if len(read) <= QUOTED else read[:QUOTED] + "…"
        words = {"field": self.field[:QUOTED], "read": read, "expected": self.expected}
        return _("%(field)s: read %(read)s, expected %(expected)s") % words


@dataclass(slots=True)
class Context:
    """Rows the codes of many orders stand for, read once."""

    lines: dict[str, Equipment]
    products: dict[str, MaterialDefinition]
    work_masters: dict[str, WorkMaster]
    orders: dict[str, JobOrder]
    _sequences: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, items: Sequence[Mapping[str, Any]]) -> Context:
        def codes(name: str) -> list[str]:
            return sorted({str(item[name]) for item in items if item.get(name)} - _with_zeros(items, name))

        equipment: Any = plant.configuration_rows("plant.Equipment", code__in=codes("line"), level="line")
        materials: Any = plant.configuration_rows("plant.MaterialDefinition", code__in=codes("product"))
        masters = WorkMaster.objects.filter(code__in=codes("work_master")) | WorkMaster.objects.filter(
            product__code__in=codes("product"), line__code__in=codes("line"), is_active=True
        )
        orders = JobOrder.objects.select_for_update(no_key=True).filter(code__in=codes("code")).order_by("pk")
        return cls(
            {row.code: row for row in equipment},
            {row.code: row for row in materials},
            {row.code: row for row in masters},
            {row.code: row for row in orders},
        )

    def next_sequence(self, line_id: int) -> int:
        if line_id not in self._sequences:
            last = JobOrder.objects.filter(line_id=line_id).aggregate(last=Max("sequence"))["last"]
            self._sequences[line_id] = last or 0
        self._sequences[line_id] += 10
        return self._sequences[line_id]

    def master_of(self, product_id: int, line_id: int) -> WorkMaster | None:
        """The newest active routing of the product on the line."""
        mine = [m for m in self.work_masters.values() if (m.product_id, m.line_id) == (product_id, line_id)]
        return max((m for m in mine if m.is_active), key=lambda m: (m.version, m.code), default=None)


def plan_read(item: Mapping[str, Any], context: Context, by: Actor) -> tuple[dict[str, Any], list[PlanError]]:
    """The columns of an order's plan, and every error found. Columns are complete only without errors."""
    errors = [
        PlanError(name, item.get(name), _("a value")) for name in REQUIRED if item.get(name) in (None, "")
    ]
    errors += [PlanError(name, item[name], _("no such field")) for name in sorted(set(item) - FIELDS)]
    errors += [PlanError(name, item[name], _("a text")) for name in sorted(item) if _has_zero(item[name])]
    line = _row(item, "line", context.lines, _("the code of a line"), errors)
    product = _row(item, "product", context.products, _("the code of a product"), errors)
    plan: dict[str, Any] = {"quantity": _quantity(item, errors)}
    if len(str(item.get("code", ""))) > 40:
        errors.append(PlanError("code", item["code"], _("at most %(n)d characters") % {"n": 40}))
    for name in INSTANTS:
        if name in item:
            plan[name] = _instant(item, name, errors)
    _small(item, plan, errors)
    if line is not None and product is not None:
        plan |= {"line_id": line.pk, "product_id": product.pk, "unit": item.get("unit") or product.unit}
        plan["work_master_id"] = _work_master(item, context, product.pk, line.pk, errors)
        if not by.may("order.plan", line):
            errors.append(PlanError("line", line.code, _("a line you may plan")))
    start, end = plan.get("planned_start"), plan.get("planned_end")
    if start and end and end <= start:
        later = _("later than planned_start %(at)s") % {"at": start.isoformat()}
        errors.append(PlanError("planned_end", end.isoformat(), later))
    return plan, errors


def _has_zero(value: Any) -> bool:
    """Whether a text in it holds the character zero, which no database keeps."""
    if isinstance(value, dict):
        return any(_has_zero(name) or _has_zero(inner) for name, inner in value.items())
    if isinstance(value, list):
        return any(map(_has_zero, value))
    return isinstance(value, str) and "\0" in value


def _with_zeros(items: Sequence[Mapping[str, Any]], name: str) -> set[str]:
    return {str(item.get(name)) for item in items if _has_zero(item.get(name))}


def _row(
    item: Mapping[str, Any], name: str, rows: Mapping[str, Any], expected: str, errors: list[PlanError]
) -> Any:
    code = item.get(name)
    if code in (None, ""):
        return None
    row = rows.get(str(code))
    if row is None:
        errors.append(PlanError(name, code, expected))
    return row


def _quantity(item: Mapping[str, Any], errors: list[PlanError]) -> Decimal | None:
    raw = item.get("quantity")
    if raw in (None, ""):
        return None
    try:
        value = Decimal(str(raw))
    except InvalidOperation:
        value = Decimal("NaN")
    if value.is_finite() and value > LARGEST:
        errors.append(PlanError("quantity", raw, _("a number of at most %(most)s") % {"most": LARGEST}))
        return None
    if not value.is_finite() or value < SMALLEST:
        errors.append(PlanError("quantity", raw, _("a number above 0")))
        return None
    return value.quantize(SMALLEST)


def _instant(item: Mapping[str, Any], name: str, errors: list[PlanError]) -> datetime | None:
    raw = item.get(name)
    if raw in (None, ""):
        return None
    try:
        value = raw if isinstance(raw, datetime) else datetime.fromisoformat(str(raw))
    except ValueError:
        value = None
    if value is None or value.tzinfo is None:
        form = _("a time with its zone, such as 2026-03-02T14:00:00+01:00")
        errors.append(PlanError(name, str(raw), form))
        return None
    return value


def _small(item: Mapping[str, Any], plan: dict[str, Any], errors: list[PlanError]) -> None:
    """Whole numbers, short texts and options."""
    for name in NUMBERS:
        raw = item.get(name)
        if raw in (None, ""):
            continue
        low, high = (0, 2_000_000_000) if name == "sequence" else (-32_000, 32_000)
        if isinstance(raw, bool) or not WHOLE.fullmatch(str(raw)) or not low <= int(raw) <= high:
            between = _("a whole number from %(low)d to %(high)d") % {"low": low, "high": high}
            errors.append(PlanError(name, raw, between))
        else:
            plan[name] = int(raw)
    for name, length in TEXTS.items():
        raw = item.get(name)
        if raw is None or (name == "unit" and raw == ""):
            continue
        if len(str(raw)) > length:
            errors.append(PlanError(name, raw, _("at most %(n)d characters") % {"n": length}))
        plan[name] = str(raw)
    if (options := item.get("options")) is not None:
        if not isinstance(options, dict):
            errors.append(PlanError("options", options, _("names with values")))
        plan["options"] = options
    released = item.get("released")
    if released is not None and not isinstance(released, bool):
        errors.append(PlanError("released", released, _("true or false")))


def _work_master(
    item: Mapping[str, Any], context: Context, product_id: int, line_id: int, errors: list[PlanError]
) -> int | None:
    code = item.get("work_master")
    if code in (None, ""):
        master = context.master_of(product_id, line_id)
        return master.pk if master else None
    master = context.work_masters.get(str(code))
    if master is None or (master.product_id, master.line_id) != (product_id, line_id):
        wanted = _("the code of a routing of this product on this line")
        errors.append(PlanError("work_master", code, wanted))
        return None
    return master.pk
