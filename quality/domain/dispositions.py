"""What a decision about a nonconforming product means for its status and its lot."""

from __future__ import annotations

from typing import Literal

Status = Literal["open", "on_hold", "decided"]
BLOCKING = frozenset({None, "hold", "scrap", "return"})


def status_of(decision: str | None) -> Status:
    """From the last decision; None: nothing is decided yet."""
    if decision is None:
        return "open"
    return "on_hold" if decision == "hold" else "decided"


def blocks(decision: str | None) -> bool:
    """Whether the lot may not be used: until it is decided, and for ever when scrapped or sent back."""
    return decision in BLOCKING
