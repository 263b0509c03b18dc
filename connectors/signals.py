"""Wake-ups that travel upward.

Sent after commit; losing one costs time, never data (the sweep reads dirty marks).
"""

from __future__ import annotations

from django.dispatch import Signal

# Sent with ``work_unit_ids: frozenset[int]`` and ``pressing``, those of them people wait to see.
samples_landed = Signal()
