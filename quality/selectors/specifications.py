"""What is to be checked, and when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Max, Q, QuerySet

from plant import selectors as plant
from plant.access import Actor, scoped
from quality.domain.checks import due_at
from quality.models import SpecificationVersion, TestResult, TestSpecification
from quality.selectors.belonging import belongs_to

if TYPE_CHECKING:
    from production.models import JobOrder


@dataclass(frozen=True, slots=True)
class CheckDue:
    """A check of an order and when it is due; ``last_at`` is the last one taken in the order, if any."""

    specification: TestSpecification
    due_at: datetime
    last_at: datetime | None

    def late(self, now: datetime) -> timedelta:
        """How long it is overdue; negative while it is not."""
        return now - self.due_at


def specifications(actor: Actor) -> QuerySet[TestSpecification]:
    """Of the places the actor may see."""
    return scoped(TestSpecification.objects.select_related("equipment", "department"), actor)


def specification_by_code(code: str) -> TestSpecification:
    """Raises TestSpecification.DoesNotExist."""
    rows = TestSpecification.objects.select_related("equipment", "department")
    return plant.remembered(("specification", code), lambda: rows.get(code=code))


def version_at(*, specification_id: int, at: datetime) -> SpecificationVersion | None:
    """The version in force at an instant; the first one before that. None where none was kept."""
    found = SpecificationVersion.objects.filter(specification_id=specification_id)
    return found.filter(valid_from__lte=at).order_by("-number").first() or found.order_by("number").first()


def versions_of(specification_id: int) -> QuerySet[SpecificationVersion]:
    """Every version of a check, the first one first."""
    return SpecificationVersion.objects.filter(specification_id=specification_id).order_by("number")


def specifications_for_order(order: JobOrder) -> list[TestSpecification]:
    """The active checks of the order's line and product."""
    found = TestSpecification.objects.filter(
        Q(products=[]) | Q(products__contains=[order.product.code]),
        is_active=True,
        equipment__path__startswith=order.line.path,
    )
    return list(found.select_related("equipment", "department"))


def specifications_by_signal() -> list[TestSpecification]:
    """Active checks a signal gives the values of."""
    found = TestSpecification.objects.filter(is_active=True).exclude(connection="").exclude(address="")
    return list(found.select_related("equipment"))


def checks_due(
    order: JobOrder, *, now: datetime, ahead: timedelta = timedelta(), equipment_id: int | None = None
) -> list[CheckDue]:
    """Checks of a started order that are due at ``now`` or within ``ahead`` of it, longest overdue first.

    An order that has ended, or not started, has none.
    """
    if order.started_at is None or (order.ended_at is not None and order.ended_at <= now):
        return []
    taken = TestResult.objects.filter(belongs_to(order, "measured_at"), measured_at__lte=now)
    last = dict(taken.order_by().values_list("specification").annotate(Max("measured_at")))
    found = []
    for each in specifications_for_order(order):
        if equipment_id is not None and each.equipment_id != equipment_id:
            continue
        every = None if each.every_minutes is None else timedelta(minutes=each.every_minutes)
        at = due_at(order_start=order.started_at, last=last.get(each.pk), every=every, at_start=each.at_start)
        if at is not None and at <= now + ahead:
            found.append(CheckDue(each, at, last.get(each.pk)))
    return sorted(found, key=lambda check: (check.due_at, check.specification.code))
