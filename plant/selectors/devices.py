"""Enrolled tablets, and those waiting for their one-time link to be used."""

from __future__ import annotations

from django.db.models import QuerySet

from plant.access import Actor, scoped
from plant.models import Device
from plant.selectors.actors import digest_of


def devices(actor: Actor) -> QuerySet[Device]:
    """The tablets of the places the actor may enrol tablets for, newest first."""
    return scoped(Device.objects.select_related("equipment"), actor, "device.enrol").order_by("-pk")


def device_waiting(secret: str) -> Device | None:
    """The tablet a one-time link is for; None when unknown, used or revoked. It may have expired."""
    return (
        Device.objects.select_related("equipment")
        .filter(digest=digest_of(secret), enrolled_at=None, revoked_at=None)
        .first()
    )
