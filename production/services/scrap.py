"""Saying why pieces were scrapped: later, otherwise, or in parts."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from django.db import transaction

from plant.access import Actor
from production.domain.scrap import Portion, portions_check
from production.models import CountAssertion
from production.services.assertions import Refused, count_assert


@transaction.atomic
def scrap_reason_assert(*, entry: int, reason_code: str, by: Actor, comment: str = "") -> CountAssertion:
    """Say why the pieces of an earlier count were scrapped, or say otherwise; an empty code takes it back.

    Refused for a count that is not there, StaleView when it was corrected meanwhile.
    """
    said = _entry(entry)
    return _anew(said, [Portion(said.quantity, reason_code)], by, comment)[0]


@transaction.atomic
def scrap_split(
    *, entry: int, portions: Sequence[Portion], by: Actor, comment: str = ""
) -> list[CountAssertion]:
    """Say one count of scrap in parts of different reasons; they add up to it exactly, or are refused."""
    said = _entry(entry)
    portions_check(said.quantity, portions)
    return _anew(said, portions, by, comment)


def _entry(entry: int) -> CountAssertion:
    found = CountAssertion.objects.filter(pk=entry).exclude(kind=CountAssertion.Kind.GOOD).first()
    if found is None:
        raise Refused(f"entry: read {entry}, expected a count of scrap or rework")
    return found


def _anew(said: CountAssertion, portions: Sequence[Portion], by: Actor, comment: str) -> list[CountAssertion]:
    """The first part takes the place of the whole, the others stand beside it."""
    together = uuid4() if len(portions) > 1 else None
    return [
        count_assert(
            equipment_id=said.equipment_id,
            start_time=said.start_time,
            end_time=said.end_time,
            kind=said.kind,
            quantity=portion.quantity,
            by=by,
            job_order_id=said.job_order_id,
            reason_code=portion.reason_code,
            supersedes=None if place else said.pk,
            comment=comment or said.comment,
            together=together,
        )
        for place, portion in enumerate(portions)
    ]
