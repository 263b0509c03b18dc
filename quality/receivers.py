"""What this floor answers when a lot is about to be used, and keeps when a check changes."""

from __future__ import annotations

from typing import Any

from django.db.models.signals import post_save

from plant.hooks import may_use_lot
from quality import selectors, services
from quality.models import TestSpecification


def connect() -> None:
    may_use_lot.register("quality.blocked", selectors.lot_blocked)
    post_save.connect(_version_keep, sender=TestSpecification, dispatch_uid="quality.version")


def _version_keep(instance: TestSpecification, raw: bool = False, **_: Any) -> None:
    """However it was written: in administration, by the plant file or by a program."""
    if not raw:
        services.version_keep(instance)
