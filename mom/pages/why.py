"""What the reasons of a line led to in 30 days, kept for some minutes: every tile of a tablet asks for it."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, NamedTuple

from django.utils import timezone

from mom.improvement.led_to import LedTo, led_to
from plant.access import rule

if TYPE_CHECKING:
    from plant.models import Equipment

KEPT_SECONDS = 600.0
MOST_LINES = 500
# In the process itself: a tile must not wait for, or fail with, another server. (read at, by reason) by line.
_kept: dict[int, tuple[float, dict[str, Why]]] = {}


class Why(NamedTuple):
    """Of one reason on one line: how often, and what came of it. No person is in it."""

    times: int
    requests: int
    repairs: int
    decisions: int
    actions: int


def why_by_reason(line: Equipment) -> dict[str, Why]:
    """By reason code; up to ten minutes old."""
    read_at, found = _kept.get(line.pk, (0.0, None))
    if found is None or monotonic() - read_at > KEPT_SECONDS:
        told = led_to(actor=rule("why-we-ask"), lines=[line], now=timezone.now())
        found = {item.use.reason.code: _why(item) for item in told}
        if len(_kept) >= MOST_LINES:
            _kept.clear()
        _kept[line.pk] = (monotonic(), found)
    return found


def forget() -> None:
    _kept.clear()


def _why(item: LedTo) -> Why:
    return Why(item.use.count, item.requests, item.repairs, item.decisions, len(item.actions))
