"""What this floor answers when a lot is about to be used."""

from __future__ import annotations

from plant.hooks import may_use_lot
from quality import selectors


def connect() -> None:
    may_use_lot.register("quality.blocked", selectors.lot_blocked)
