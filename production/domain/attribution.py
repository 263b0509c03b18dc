"""Whose times speak for a line: the declared constraint's, and it is named so. Where its losses began:
``production.domain.line``.
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
