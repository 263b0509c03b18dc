"""Which machine speaks for a line. Until the first-fault walk exists, the declared constraint, and it is
named so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

DECLARED_CONSTRAINT = "declared_constraint"


class Machine(Protocol):
    is_constraint: bool


M = TypeVar("M", bound=Machine)


def declared_constraint(machines: Sequence[M]) -> M | None:
    """The first machine declared to pace its line; None when none is declared, and then the line has no
    account.
    """
    return next((machine for machine in machines if machine.is_constraint), None)
