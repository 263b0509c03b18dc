"""When a check is due, and what a value means against its limits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Literal

Judgement = Literal["pass", "fail", "not_judged"]
Verdict = Literal["yes", "no", "not_known"]


def judge(value: Decimal, *, lower: Decimal | None, upper: Decimal | None) -> Judgement:
    """A value on a limit passes. Without any limit nothing is judged."""
    if lower is None and upper is None:
        return "not_judged"
    low = lower is not None and value < lower
    high = upper is not None and value > upper
    return "fail" if low or high else "pass"


def due_at(
    *, order_start: datetime, last: datetime | None, every: timedelta | None, at_start: bool
) -> datetime | None:
    """When the next check of an order is due: at its start, then ``every`` after the last. None: never again.

    ``last`` is the last check taken in this order.
    """
    if last is None and at_start:
        return order_start
    return None if every is None else (last or order_start) + every


@dataclass(frozen=True, slots=True)
class LimitsAnswer:
    """Within quality limits? ``overdue`` counts checks due and missing; they never make a yes a no."""

    verdict: Verdict
    passed: int
    failed: int
    not_judged: int
    overdue: int


def within_limits(judgements: Iterable[str], *, overdue: int = 0) -> LimitsAnswer:
    """No once one check failed; not known while none was judged."""
    found = list(judgements)
    passed, failed = found.count("pass"), found.count("fail")
    verdict: Verdict = "no" if failed else "yes" if passed else "not_known"
    return LimitsAnswer(verdict, passed, failed, len(found) - passed - failed, overdue)
