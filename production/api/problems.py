"""What goes wrong with a write, as the HTTP answer that says what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rest_framework import exceptions, status

from production.domain.job_order import IllegalTransition
from production.services import PlanRefused, StaleView, Vetoed


class Conflict(exceptions.APIException):
    status_code = status.HTTP_409_CONFLICT


class Stale(exceptions.APIException):
    status_code = status.HTTP_412_PRECONDITION_FAILED


class Unconditional(exceptions.APIException):
    status_code = status.HTTP_428_PRECONDITION_REQUIRED


@contextmanager
def answered(stale: type[exceptions.APIException] = Conflict) -> Iterator[None]:
    """Refusals of services as 409 (or 400 for a plan that cannot be), with both versions of a stale view."""
    try:
        yield
    except IllegalTransition as error:
        raise Conflict({"detail": str(error), "state": error.state, "allowed": list(error.allowed)}) from None
    except StaleView as error:
        raise stale({"detail": str(error), "seen": str(error.seen), "now": str(error.now)}) from None
    except Vetoed as error:
        raise Conflict({"detail": str(error), "vetoes": [veto.code for veto in error.vetoes]}) from None
    except PlanRefused as error:
        raise exceptions.ValidationError(plan_errors(error)) from None


def plan_errors(error: PlanRefused) -> dict[str, Any]:
    found: dict[str, list[str]] = {}
    for item in error.errors:
        found.setdefault(item.field, []).append(f"read {item.read!r}, expected {item.expected}")
    return found
