"""Machines that take job orders."""

from __future__ import annotations

from connectors.models import Connection
from connectors.registry import connectors


def job_receivers(*, path: str) -> list[Connection]:
    """Connections with a ``job_receiver`` that serve a machine below a path."""
    able = [slug for slug, cls in connectors().items() if hasattr(cls, "job_command")]
    found = Connection.objects.filter(
        enabled=True, protocol__in=able, signals__equipment__path__startswith=path
    )
    return [one for one in found.order_by("slug").distinct() if one.config.get("job_receiver")]
