"""What production does when samples land."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.cache import cache
from django.dispatch import receiver

from connectors.signals import samples_landed
from production import jobs

WAKE_EVERY = 1


@receiver(samples_landed, dispatch_uid="production.stitch")
def stitch_wake(sender: Any, work_unit_ids: Iterable[int], **_: Any) -> None:
    """Sent after the samples are committed. A wake-up lost with the broker is made good by the sweep.

    A machine is woken once a second at most, however many batches land: one stitch takes all that is there.
    """
    for work_unit_id in sorted(work_unit_ids):
        if cache.add(f"production.stitch.{work_unit_id}", 1, timeout=WAKE_EVERY):
            jobs.STITCH.enqueue(work_unit_id=work_unit_id)
