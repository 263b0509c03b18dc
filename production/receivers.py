"""What production does when samples land."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.dispatch import receiver

from connectors.signals import samples_landed
from production import jobs


@receiver(samples_landed, dispatch_uid="production.stitch")
def stitch_wake(sender: Any, work_unit_ids: Iterable[int], **_: Any) -> None:
    """Sent after the samples are committed. A wake-up lost with the broker is made good by the sweep."""
    for work_unit_id in sorted(work_unit_ids):
        jobs.STITCH.enqueue(work_unit_id=work_unit_id)
