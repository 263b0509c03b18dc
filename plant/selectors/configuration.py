"""Reading configuration of any app as data, for files and for checks."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar
from uuid import UUID

from django.apps import apps
from django.db import connection
from django.db.models import Model, OuterRef, QuerySet, Subquery

from plant.models import ConfigurationRevision, Equipment, Revision

T = TypeVar("T")
# Beyond so many things one process starts anew, so that keys with a date in them cannot add up for ever.
MOST_KEPT = 10_000
# Asked by every request and every stitch: written out, it costs a tenth of what the ORM takes.
CONFIGURED = "SELECT value FROM plant_configurationrevision"
_kept: tuple[str, dict[Hashable, Any]] = ("", {})


def revised(lines: QuerySet[Equipment]) -> QuerySet[Equipment, Any]:
    """Lines with ``changed``, their ``Revision``, and ``configured``, that of master data: for
    ``revision_text``.
    """
    changed = Revision.objects.filter(line_id=OuterRef("pk")).order_by().values("value")
    configured = ConfigurationRevision.objects.order_by().values("value")
    return lines.annotate(changed=Subquery(changed[:1]), configured=Subquery(configured[:1]))


def revision_text(changed: int | None, configured: UUID | None) -> str:
    """What a line's pages show changes with this. Read before all that is kept under it."""
    return f"{changed or 0}.{configured or ''}"


def configuration_revision() -> str:
    """The revision of master data alone, for ``configuration_kept``; one indexed read."""
    with connection.cursor() as cursor:
        cursor.execute(CONFIGURED)
        row = cursor.fetchone()
    return revision_text(None, row and row[0])


def configuration_kept(key: Hashable, *, revision: str, make: Callable[[], T]) -> T:
    """What ``make`` reads of master data: read once per process while the revision stays the same.

    ``revision`` was read before, in the same request (``revision_of``, ``lines_revised``,
    ``configuration_revision``). It is never stale: the database renews the revision in the transaction of
    every change, and a value never comes back, so what is kept under it was read with it or after. Values
    are shared between requests: read, never changed.
    """
    global _kept
    configured = revision.partition(".")[2]
    if not configured:
        return make()
    held_at, held = _kept
    if held_at != configured or len(held) > MOST_KEPT:
        held = {}
        _kept = (configured, held)
    if key not in held:
        held[key] = make()
    value: T = held[key]
    return value


_remembered: ContextVar[dict[Hashable, Any] | None] = ContextVar("remembered", default=None)


@contextmanager
def remembering() -> Iterator[None]:
    """For many writes in one transaction: what does not change meanwhile is read once for all of them."""
    token = _remembered.set({})
    try:
        yield
    finally:
        _remembered.reset(token)


def remembered(key: Hashable, read: Callable[[], T]) -> T:
    """What ``read`` gives, read once within ``remembering`` and each time outside it. Never changed."""
    held = _remembered.get()
    if held is None:
        return read()
    if key not in held:
        held[key] = read()
    value: T = held[key]
    return value


def configuration_forget() -> None:
    """Read everything anew."""
    global _kept
    _kept = ("", {})


def configuration_rows(model_label: str, **lookup: Any) -> QuerySet[Model]:
    """Rows of a configuration model in its own order."""
    model: type[Model] = apps.get_model(model_label)
    return model._default_manager.filter(**lookup)


def configuration_codes(model_label: str, field: str = "code") -> dict[str, int]:
    """Primary key of every row by its business code."""
    return dict(configuration_rows(model_label).values_list(field, "pk"))
