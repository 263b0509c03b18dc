"""Telling whoever derives that samples landed: at once, but not oftener than once a second for one
machine.
"""

from __future__ import annotations

import time
from collections.abc import Iterable

from connectors.models import DirtyMark
from connectors.signals import samples_landed

AT_MOST_EVERY = 1.0
_woken: dict[int, float] = {}


def wake(work_unit_ids: Iterable[int]) -> None:
    ids = frozenset(work_unit_ids)
    if ids:
        samples_landed.send_robust(sender=None, work_unit_ids=ids)


def wake_sparingly(work_unit_ids: Iterable[int]) -> None:
    """Leaves out machines woken less than a second ago: their marks stay, and the next tick finds them."""
    now = time.monotonic()
    due = [unit for unit in work_unit_ids if now - _woken.get(unit, -AT_MOST_EVERY) >= AT_MOST_EVERY]
    _woken.update(dict.fromkeys(due, now))
    wake(due)


def wake_marked() -> None:
    """Every machine that still has marks; called by the runners' ticks."""
    wake_sparingly(DirtyMark.objects.values_list("work_unit_id", flat=True).distinct())
