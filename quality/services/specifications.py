"""Keeping every version of what a check demands."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from quality.models import SpecificationVersion, TestSpecification

JUDGES = ("lower", "upper", "target", "unit")


@transaction.atomic
def version_keep(specification: TestSpecification) -> SpecificationVersion | None:
    """Append a version where what is stored of a check judges otherwise than its last one (then None).

    Valid from now on; the first from when the check was entered.
    """
    # Its row is locked, so that two changes at once make two versions in order.
    row = TestSpecification.objects.select_for_update(of=("self",)).get(pk=specification.pk)
    limits = {name: getattr(row, name) for name in JUDGES}
    last = SpecificationVersion.objects.filter(specification=row).order_by("-number").first()
    if last is not None and {name: getattr(last, name) for name in JUDGES} == limits:
        return None
    now = timezone.now()
    return SpecificationVersion.objects.create(
        specification=row,
        number=last.number + 1 if last else 1,
        valid_from=now if last else row.recorded_at,
        recorded_at=now,
        **limits,
    )
