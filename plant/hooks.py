"""How a lower floor asks or tells a higher one without knowing it: vetoes before an act, news after it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Generic, ParamSpec

if TYPE_CHECKING:
    from plant.access import Actor

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


class Listeners(Generic[P]):
    """Named listeners told of something in the transaction it happens in, in the order of their names."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._listeners: dict[str, Callable[P, None]] = {}

    def register(self, name: str, listener: Callable[P, None]) -> None:
        if name in self._listeners and self._listeners[name] is not listener:
            raise ValueError(f"{self.name}: a listener named {name!r} is registered already")
        self._listeners[name] = listener

    def tell(self, *args: P.args, **kwargs: P.kwargs) -> None:
        for name in sorted(self._listeners):
            self._listeners[name](*args, **kwargs)


@dataclass(frozen=True, slots=True)
class ReasonSaid:
    """Someone said why a machine stopped; equipment and ``start_time`` name the stop."""

    equipment_id: int
    start_time: datetime
    reason_code: str
    opens_request: bool
    comment: str
    by: Actor
    at: datetime
    """When it was said; an entry told afterwards is older than its row."""


@dataclass(frozen=True, slots=True)
class ReasonWithdrawn:
    """A reason given for a stop is no longer said; equipment and ``start_time`` are what it was given for."""

    equipment_id: int
    start_time: datetime
    reason_code: str
    opened_request: bool
    """Whether that reason asked for maintenance."""
    still_asked: bool
    """Whether a reason in force for the same stop asks for maintenance now."""
    instead: str
    """Code of the reason said in its place; empty when nothing was."""
    by: Actor
    at: datetime


# may_start(job_order_id): asked before an order is started by a person.
may_start: Registry[[int]] = Registry("may_start")
# may_use_lot(lot_id, job_order_id, at): asked before a lot is consumed; None asks about the lot alone.
may_use_lot: Registry[[int, int | None, datetime]] = Registry("may_use_lot")
# may_retire(equipment_id, start, end): asked before values of [start, end) that are old enough are dropped.
may_retire: Registry[[int, datetime, datetime]] = Registry("may_retire")
# calendar_changed(line_id, start, end): told in the transaction that changes a line's planned time in
# [start, end); None: without limit.
calendar_changed: Listeners[[int, datetime | None, datetime | None]] = Listeners("calendar_changed")
# reason_said(ReasonSaid): told in the transaction of every reason given for a stop.
reason_said: Listeners[[ReasonSaid]] = Listeners("reason_said")
# reason_withdrawn(ReasonWithdrawn): told in the transaction that takes a reason back or replaces it.
reason_withdrawn: Listeners[[ReasonWithdrawn]] = Listeners("reason_withdrawn")
