"""Stitching that goes on with the other machines when one fails, and says which."""

from __future__ import annotations

import logging

from django.utils import timezone

from plant import selectors as plant
from production.models import StitchFailure
from production.services.stitching import Stitched, stitch

log = logging.getLogger(__name__)


def stitch_guarded(*, work_unit_id: int) -> Stitched | None:
    """``stitch``; None when it fails: the machine is named by the health checks until it goes well again.

    Its marks are kept, and every sweep tries again. The same error is logged once, not at every sweep.
    Raises only where the failure itself cannot be stored: then there is no database to go on with.
    """
    try:
        done = stitch(work_unit_id=work_unit_id)
    except Exception as error:  # whatever stops one machine must not stop the others
        _failed(work_unit_id, error)
        return None
    StitchFailure.objects.filter(work_unit_id=work_unit_id).delete()
    return done


def _failed(work_unit_id: int, error: Exception) -> None:
    said = f"{type(error).__name__}: {error}".strip().partition("\n")[0][:400]
    known = plant.equipment_for_ids([work_unit_id])
    before = StitchFailure.objects.filter(work_unit_id=work_unit_id).first()
    if before is None or before.error != said:
        name = known[work_unit_id].code if known else work_unit_id
        log.error("stitching %s failed, other machines go on", name, exc_info=error)
    if known:
        StitchFailure.objects.update_or_create(
            work_unit_id=work_unit_id,
            defaults={"error": said},
            create_defaults={"error": said, "failed_since": timezone.now()},
        )
