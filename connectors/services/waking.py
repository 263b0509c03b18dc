"""Telling whoever derives that samples landed: once a second for one machine, at once when what people look
at changed.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence

import numpy as np

from connectors.domain.columns import KIND_TEXT
from connectors.models import DirtyMark
from connectors.services.context import Context
from connectors.services.packing import Rows
from connectors.signals import samples_landed

AT_MOST_EVERY = 1.0
PRESSING_EVERY = 0.2
# More than this at once is a flood or the past told late: nobody waits for one change of it.
FLOOD = 2000
_woken: dict[int, float] = {}
_said: dict[int, object] = {}


def wake(work_unit_ids: Iterable[int], pressing: frozenset[int] = frozenset()) -> None:
    ids = frozenset(work_unit_ids)
    if ids:
        samples_landed.send_robust(sender=None, work_unit_ids=ids, pressing=pressing & ids)


def wake_sparingly(work_unit_ids: Iterable[int], pressing: frozenset[int] = frozenset()) -> None:
    """Leaves out machines woken just now: their marks stay, and the next tick finds them."""
    now = time.monotonic()
    due = [
        unit
        for unit in work_unit_ids
        if now - _woken.get(unit, -1.0) >= (PRESSING_EVERY if unit in pressing else AT_MOST_EVERY)
    ]
    _woken.update(dict.fromkeys(due, now))
    wake(due, pressing)


def pressing_in(context: Context, split: Sequence[Rows]) -> frozenset[int]:
    """Machines whose state, mode, fault, alarm or order is not what this process stored last.

    Another process may have stored the value between: then the wake-up comes within a second, or for nothing.
    """
    found: set[int] = set()
    if not context.pressing or sum(map(len, split)) > FLOOD:
        return frozenset()
    for rows in split:
        for row in np.nonzero(np.isin(rows.signal_id, context.pressing))[0].tolist():
            signal, bits = int(rows.signal_id[row]), int(rows.bits[row])
            said = rows.texts[bits] if rows.kind[row] == KIND_TEXT else bits
            if _said.get(signal) != said:
                _said[signal] = said
                found.update(context.work_units.get(int(rows.equipment_id[row]), ()))
    return frozenset(found)


def wake_marked() -> None:
    """Every machine that still has marks; called by the runners' ticks."""
    wake_sparingly(DirtyMark.objects.values_list("work_unit_id", flat=True).distinct())
