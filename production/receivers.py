"""What production does when samples land, and when configuration it derives from changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.core.cache import cache
from django.db.models import Model
from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver

from connectors.signals import samples_landed
from plant import hooks
from production import jobs
from production.services.remarking import WATCHED, calendar_changed, configuration_changed

WAKE_EVERY = 1


@receiver(samples_landed, dispatch_uid="production.stitch")
def stitch_wake(
    sender: Any, work_unit_ids: Iterable[int], pressing: frozenset[int] = frozenset(), **_: Any
) -> None:
    """Sent after the samples are committed. A wake-up lost with the broker is made good by the sweep.

    A machine is woken once a second at most, however many batches land: one stitch takes all that is there.
    ``pressing`` ones are woken whenever they are named: ingest names them seldom.
    """
    for work_unit_id in sorted(work_unit_ids):
        if work_unit_id in pressing or cache.add(f"production.stitch.{work_unit_id}", 1, timeout=WAKE_EVERY):
            jobs.STITCH.enqueue(work_unit_id=work_unit_id)


def connect() -> None:
    """Listen to every way configuration is written: administration, plant file, API."""
    hooks.calendar_changed.register("production.remark", calendar_changed)
    for label in WATCHED:
        uid = f"production.remark.{label}"
        pre_save.connect(_remember, sender=label, dispatch_uid=uid)
        post_save.connect(_compare, sender=label, dispatch_uid=uid)
        post_delete.connect(_removed, sender=label, dispatch_uid=uid)


def _remember(sender: type[Model], instance: Any, raw: bool = False, **_: Any) -> None:
    """Keep what is stored while it still is."""
    stored = sender._default_manager.filter(pk=instance.pk).values(*WATCHED[sender._meta.label]).first()
    instance._stored_before = None if raw else stored


def _compare(sender: type[Model], instance: Any, raw: bool = False, **_: Any) -> None:
    before, label = instance.__dict__.pop("_stored_before", None), sender._meta.label
    after = sender._default_manager.filter(pk=instance.pk).values(*WATCHED[label]).first()
    if not raw and before != after:
        configuration_changed(label, before, after)


def _removed(sender: type[Model], instance: Any, origin: Any = None, **_: Any) -> None:
    label = sender._meta.label
    if getattr(origin, "_meta", None) is None:
        origin = getattr(origin, "model", sender)
    if origin._meta.label == "plant.Equipment" and label != "plant.Equipment":
        # It goes with its machine, of which nothing is derived any more.
        return
    configuration_changed(label, {name: getattr(instance, name) for name in WATCHED[label]}, None)
