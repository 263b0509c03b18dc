"""Work instructions of an order: the versions it was started by, those that came since, who read which."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.db.models import Q, QuerySet
from django.utils import timezone

from plant import selectors as plant
from production.domain.instruction import Line, in_force, text_changes
from production.models import InstructionReading, JobOrder, OperationsSegment, WorkInstruction

if TYPE_CHECKING:
    from plant.models import Equipment


@dataclass(frozen=True, slots=True)
class Reading:
    """One confirmation: who read which version, when, and where."""

    version: int
    person_id: int | None
    person: str
    at: datetime
    equipment: str


@dataclass(frozen=True, slots=True)
class InstructionOfOrder:
    """One instruction of an order. ``pinned``: the version in force at its start; ``current``: the one in
    force now, or at its end; None: none was. ``reads``: every confirmation, of any version, by time.
    """

    code: str
    pinned: WorkInstruction | None
    current: WorkInstruction | None
    reads: tuple[Reading, ...]

    @property
    def shown(self) -> WorkInstruction:
        found = self.current or self.pinned
        assert found is not None
        return found

    @property
    def is_changed(self) -> bool:
        """Whether a new version came while the order ran."""
        return self.pinned is not None and self.current is not None and self.pinned.pk != self.current.pk

    @property
    def changes(self) -> list[Line]:
        return text_changes(self.pinned.text, self.current.text) if self.pinned and self.current else []

    @property
    def is_read(self) -> bool:
        """Whether anybody confirmed the version in force."""
        return any(read.version == self.shown.version for read in self.reads)

    def is_read_by(self, person_id: int | None) -> bool:
        if person_id is None:
            return self.is_read
        return any(r.version == self.shown.version and r.person_id == person_id for r in self.reads)


def order_instructions(
    order: JobOrder, *, now: datetime, units: Sequence[Equipment] | None = None
) -> list[InstructionOfOrder]:
    """What is to be followed in an order at some machines (all of its line), by code."""
    machines = plant.line_work_units(order.line_id) if units is None else units
    versions = list(_versions_for(order, machines))
    if not versions:
        return []
    start, until = order.started_at or now, order.ended_at or now
    pinned, current = in_force(versions, start), in_force(versions, max(start, until))
    reads = _reads(order.pk)
    return [
        InstructionOfOrder(code, pinned.get(code), current.get(code), tuple(reads.get(code, ())))
        for code in sorted(pinned.keys() | current.keys())
    ]


def instructions_read(job_order_id: int, *, now: datetime | None = None) -> list[InstructionOfOrder]:
    """The same for an order by id: what its record tells of the method. Raises JobOrder.DoesNotExist."""
    order = JobOrder.objects.select_related("line", "product").get(pk=job_order_id)
    return order_instructions(order, now=now or timezone.now())


def _versions_for(order: JobOrder, machines: Iterable[Equipment]) -> Iterable[WorkInstruction]:
    """Every version of the instructions bound to the order's product, its steps, and its machines' classes.

    Bound to several of them, all must fit.
    """
    rows = WorkInstruction.objects.filter(Q(product=None) | Q(product_id=order.product_id))
    rows = rows.defer("image").select_related("owner", "segment")
    classes = _classes(machines)
    segments = OperationsSegment.objects.filter(work_master_id=order.work_master_id or 0)
    known = dict(segments.values_list("pk", "equipment_class_id"))
    for row in rows:
        if row.segment_id is not None:
            step_class = known.get(row.segment_id, 0)
            if row.segment_id not in known or (step_class is not None and step_class not in classes):
                continue
        if row.equipment_class_id is not None and row.equipment_class_id not in classes:
            continue
        yield row


def _classes(machines: Iterable[Equipment]) -> set[int]:
    """The classes of machines and all the classes those inherit from."""
    parents = dict(plant.configuration_rows("plant.EquipmentClass").values_list("pk", "parent_id"))
    found: set[int] = set()
    for machine in machines:
        pk = machine.equipment_class_id
        while pk is not None and pk not in found:
            found.add(pk)
            pk = parents.get(pk)
    return found


def _reads(job_order_id: int) -> dict[str, list[Reading]]:
    rows = InstructionReading.objects.filter(job_order_id=job_order_id, superseded_by=None)
    found: dict[str, list[Reading]] = {}
    for row in rows.select_related("instruction", "said_by", "equipment").defer("instruction__image"):
        person = (row.said_by.name or row.said_by.badge) if row.said_by else row.said_by_rule
        told = Reading(row.instruction.version, row.said_by_id, person, row.said_at, row.equipment.name)
        found.setdefault(row.instruction.code, []).append(told)
    return found


def instruction_for_id(pk: int) -> WorkInstruction:
    """Raises WorkInstruction.DoesNotExist."""
    return WorkInstruction.objects.select_related("owner", "product", "segment", "equipment_class").get(pk=pk)


def instruction_readings() -> QuerySet[InstructionReading]:
    """Every confirmation of a version, for which order, where and by whom."""
    rows = InstructionReading.objects.filter(superseded_by=None).defer("instruction__image")
    return rows.select_related("instruction", "job_order", "equipment", "said_by")


def instruction_versions() -> list[WorkInstruction]:
    """Every version of every instruction, the newest of each first."""
    return list(instructions_written().order_by("code", "-version"))


def instructions_written() -> QuerySet[WorkInstruction]:
    """Every version with what it is bound to, without its picture."""
    bound = ("owner", "product", "segment__work_master", "equipment_class")
    return WorkInstruction.objects.select_related(*bound).defer("image")
