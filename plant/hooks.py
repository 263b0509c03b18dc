"""Vetoes travel upward through these registries: a higher floor refuses what a lower one is about to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, ParamSpec

P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class Veto:
    """Why something may not happen now, in words a person can act on."""

    code: str
    message: str


class Registry(Generic[P]):
    """Named checks asked in the order of their names, so that the answer never depends on import order."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._checks: dict[str, Callable[P, Veto | None]] = {}

    def register(self, name: str, check: Callable[P, Veto | None]) -> None:
        if name in self._checks and self._checks[name] is not check:
            raise ValueError(f"{self.name}: a check named {name!r} is registered already")
        self._checks[name] = check

    def vetoes(self, *args: P.args, **kwargs: P.kwargs) -> list[Veto]:
        answers = (self._checks[name](*args, **kwargs) for name in sorted(self._checks))
        return [veto for veto in answers if veto is not None]


# may_start(job_order_id): asked before an order is started by a person.
may_start: Registry[[int]] = Registry("may_start")
# may_use_lot(lot_id, job_order_id): asked before a lot is consumed.
may_use_lot: Registry[[int, int]] = Registry("may_use_lot")
