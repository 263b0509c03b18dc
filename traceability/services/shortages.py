"""Saying that material is lacking, and that it came."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone

from plant import audit
from plant import selectors as plant
from plant.access import Actor
from plant.services import revision_bump
from traceability import selectors
from traceability.models import MaterialShortage
from traceability.services.refusals import (
    LotInputRefused,
    equipment_of_order,
    instant_checked,
    material_known,
    order_known,
)

if TYPE_CHECKING:
    from plant.models import Equipment


class ShortageRefused(LotInputRefused):
    """It is not going on any more, or its end does not fit its start."""


@transaction.atomic
def shortage_open(
    *,
    equipment: Equipment,
    material_code: str,
    start_time: datetime,
    by: Actor,
    end_time: datetime | None = None,
    job_order_id: int | None = None,
    comment: str = "",
) -> MaterialShortage:
    """Say from when on a material lacks, or lacked. Said again while it goes on, the first entry stands."""
    by.require("lot.move", equipment)
    instant_checked(start_time, now=timezone.now(), name="start_time")
    material = material_known(material_code)
    if job_order_id is not None:
        equipment_of_order(order_known(job_order_id), equipment.pk)
    if end_time is not None:
        _end_checked(start_time, end_time)
    elif going_on := selectors.shortage_open(equipment_id=equipment.pk, material_id=material.pk):
        return going_on
    shortage = MaterialShortage.objects.create(
        equipment=equipment,
        material_id=material.pk,
        job_order_id=job_order_id,
        start_time=start_time,
        end_time=end_time,
        comment=comment,
        **_said(by),
    )
    _trail(shortage, "shortage.open", by)
    return shortage


@transaction.atomic
def shortage_close(*, shortage_id: int, end_time: datetime, by: Actor, comment: str = "") -> MaterialShortage:
    """Say until when it lasted: a new entry that supersedes the open one."""
    shortage = selectors.shortage_in_force(shortage_id)
    by.require("lot.move", shortage.equipment)
    if shortage.end_time is not None:
        raise ShortageRefused(f"shortage {shortage_id}: it ended at {shortage.end_time.isoformat()}")
    _end_checked(shortage.start_time, end_time)
    closed = MaterialShortage.objects.create(
        equipment=shortage.equipment,
        material=shortage.material,
        job_order=shortage.job_order,
        start_time=shortage.start_time,
        end_time=end_time,
        comment=comment or shortage.comment,
        supersedes=shortage,
        **_said(by),
    )
    _trail(closed, "shortage.close", by)
    return closed


def _end_checked(start_time: datetime, end_time: datetime) -> None:
    if instant_checked(end_time, now=timezone.now(), name="end_time") <= start_time:
        raise ShortageRefused(
            f"end_time: read {end_time.isoformat()}, expected after {start_time.isoformat()}"
        )


def _said(by: Actor) -> dict[str, object]:
    rule = "" if by.person_id else by.label[:80]
    return {"said_by_id": by.person_id, "said_by_rule": rule, "said_on_id": by.device_id}


def _trail(shortage: MaterialShortage, action: str, by: Actor) -> None:
    audit.record(
        by=by,
        action=action,
        subject_type="shortage",
        subject_code=f"{shortage.equipment.code} {shortage.material.code}",
        why=shortage.comment,
        after=_range(shortage),
    )
    line = plant.line_of(shortage.equipment)
    if line is not None:
        revision_bump(line_id=line.pk)


def _range(shortage: MaterialShortage) -> dict[str, str | None]:
    end = shortage.end_time
    return {"start_time": shortage.start_time.isoformat(), "end_time": end.isoformat() if end else None}
