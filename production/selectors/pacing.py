"""Who speaks for a line: the machine that paces it, those beside it, and where its good pieces leave.

The one reading of a line for its figures, its losses, its days, its hours and its records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from plant import selectors as plant
from production.domain.account import Account
from production.domain.attribution import declared_constraint
from production.domain.line.pacing import group_account
from production.domain.line.topology import GroupRow
from production.models import IdealRate, JobOrder, OrderSpan
from production.selectors.accounts import accounts
from production.selectors.line_topology import DECLARED, line_groups, line_paced_by
from production.selectors.stopped import overlapping
from production.selectors.units import signals_of

if TYPE_CHECKING:
    from connectors.models import SignalDefinition
    from plant.models import Equipment

COUNTERS = ("good_count", "total_count")


@dataclass(frozen=True, slots=True)
class Pacing:
    """``paced_by`` speaks for ``members``, which pace the line side by side (itself alone without a group).

    ``basis``: declared_constraint or lowest_rate. ``exits``: the machines whose good pieces are the line's.
    """

    units: tuple[Equipment, ...]
    paced_by: Equipment
    basis: str
    group: GroupRow | None
    members: tuple[Equipment, ...]
    exits: tuple[Equipment, ...]

    def account(self, read: Mapping[int, Account]) -> Account | None:
        """The line's time, from accounts of its machines by id."""
        return pacing_account(self.paced_by, self.group, self.members, read)


def pacing_account(
    paced_by: Equipment, group: GroupRow | None, members: Sequence[Equipment], read: Mapping[int, Account]
) -> Account | None:
    if group is None:
        return read.get(paced_by.pk)
    return group_account(group, {unit.code: read[unit.pk] for unit in members if unit.pk in read})


def line_pacing(
    *,
    line_id: int,
    start: datetime,
    end: datetime,
    units: Sequence[Equipment] | None = None,
    counters: Sequence[SignalDefinition] | None = None,
) -> Pacing | None:
    """None where no machine is declared to pace the line and no ideal rate says which one is slowest.

    ``units``, ``counters``: of the line, where they are read already.
    """
    units = plant.line_work_units(line_id) if units is None else units
    groups = line_groups(line_id=line_id, units=units)
    declared = declared_constraint(units)
    chosen = (declared, DECLARED) if declared else _slowest(line_id, units, groups, start, end)
    if chosen is None:
        return None
    paced_by, basis = chosen
    group = group_of(groups, paced_by)
    return Pacing(
        units=tuple(units),
        paced_by=paced_by,
        basis=basis,
        group=group,
        members=together(units, group, paced_by),
        exits=line_exits(units, groups, counters),
    )


def group_of(groups: Sequence[GroupRow], unit: Equipment) -> GroupRow | None:
    """The machines one does its step beside; None where it does it alone."""
    return next((group for group in groups if unit.code in group.members), None)


def together(units: Sequence[Equipment], group: GroupRow | None, unit: Equipment) -> tuple[Equipment, ...]:
    """A machine and those beside it, in the line's order."""
    return tuple(one for one in units if group and one.code in group.members) or (unit,)


def line_exits(
    units: Sequence[Equipment],
    groups: Sequence[GroupRow],
    counters: Sequence[SignalDefinition] | None = None,
) -> tuple[Equipment, ...]:
    """The last machine of a line that counts, with those beside it that count too; the last one where none
    does. ``counters``: if read already.
    """
    if counters is None:
        counters = signals_of(equipment_ids=[unit.pk for unit in units], roles=COUNTERS)
    counting = {signal.equipment_id for signal in counters if signal.role in COUNTERS}
    last = next((unit for unit in reversed(units) if unit.pk in counting), units[-1])
    beside = together(units, group_of(groups, last), last)
    return tuple(unit for unit in beside if unit.pk in counting) or (last,)


def _slowest(
    line_id: int, units: Sequence[Equipment], groups: Sequence[GroupRow], start: datetime, end: datetime
) -> tuple[Equipment, str] | None:
    ids = [unit.pk for unit in units]
    rates: dict[int, list[IdealRate]] = {}
    for row in IdealRate.objects.filter(equipment_id__in=ids, valid_from__lt=end):
        rates.setdefault(row.equipment_id, []).append(row)
    return line_paced_by(units, rates, products_made(line_id, ids, start, end), groups) if rates else None


def products_made(line_id: int, unit_ids: Sequence[int], start: datetime, end: datetime) -> tuple[int, ...]:
    """What a line worked on in a window, the latest first."""
    spans = OrderSpan.objects.filter(overlapping(start, end), equipment_id__in=[line_id, *unit_ids])
    codes = list(spans.order_by("-start_time").values_list("order_code", flat=True))
    product_of = dict(JobOrder.objects.filter(code__in=set(codes)).values_list("code", "product_id"))
    return tuple(dict.fromkeys(product_of[code] for code in codes if code in product_of))


@dataclass(frozen=True, slots=True)
class LineAccount:
    """A line's account is that of what paces it, chosen as ``attribution`` says; ``equipment`` speaks for it.
    Where its losses began is ``line_losses``.
    """

    attribution: str
    equipment: Equipment
    account: Account


def account(*, equipment_id: int, start: datetime, end: datetime) -> Account | None:
    """The account of a machine in [start, end), cut where its data end; for a line, that of what paces it.

    None where nothing was ever received, or nothing of the window yet. Two windows that touch add up to the
    one of both: classes come from whole stops.
    """
    equipment = plant.equipment_for_ids([equipment_id])[equipment_id]
    if equipment.level == "line":
        line = line_account(line_id=equipment_id, start=start, end=end)
        return line.account if line else None
    return accounts(equipment=[equipment], start=start, end=end).get(equipment_id)


def line_account(*, line_id: int, start: datetime, end: datetime) -> LineAccount | None:
    """The account of what paces a line, named as such; None when nothing does or it has no data."""
    pacing = line_pacing(line_id=line_id, start=start, end=end)
    if pacing is None:
        return None
    found = pacing.account(accounts(equipment=pacing.members, start=start, end=end))
    return LineAccount(pacing.basis, pacing.paced_by, found) if found else None
