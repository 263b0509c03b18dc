"""The four kinds of data, as base classes: facts, assertions, configuration, derivations."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import get_language


class Fact(models.Model):
    """Something that was received or happened. Appended once, never changed: the database refuses it."""

    append_only = True
    recorded_at = models.DateTimeField(default=timezone.now, help_text="When this row was written (UTC).")

    class Meta:
        abstract = True


class Assertion(models.Model):
    """Something a person or a named rule said. Corrected by one that supersedes it, never rewritten."""

    append_only = True
    said_by = models.ForeignKey(
        "plant.Person",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="The person who said it, if a person did.",
    )
    said_by_rule = models.CharField(
        max_length=80, blank=True, help_text="The named rule or system that said it."
    )
    said_on = models.ForeignKey(
        "plant.Device",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="The enrolled tablet it was said on, if any.",
    )
    said_at = models.DateTimeField(default=timezone.now, help_text="When it was said (UTC).")
    supersedes = models.OneToOneField(
        "self",
        models.PROTECT,
        null=True,
        related_name="superseded_by",
        help_text="The earlier entry this one corrects.",
    )

    class Meta:
        abstract = True


class Configuration(models.Model):
    """What the plant decided about itself. Kept in dated versions where it changes what a number means.

    ``is_master_data``: its table renews ``ConfigurationRevision`` whenever a row changes. What changes with
    the day's work, such as an order, bumps its line's ``Revision`` instead.
    """

    is_master_data = True

    class Meta:
        abstract = True


class Derivation(models.Model):
    """Computed from facts, assertions and configuration; may be dropped and rebuilt with the same rows."""

    class Meta:
        abstract = True


class Named(models.Model):
    """Carries its label in both languages of the plant."""

    name_en = models.CharField(max_length=120, blank=True, help_text="Label in English.")
    name_fr = models.CharField(max_length=120, blank=True, help_text="Label in French.")

    class Meta:
        abstract = True

    @property
    def name(self) -> str:
        return bilingual(self.name_en, self.name_fr)


def bilingual(name_en: str, name_fr: str) -> str:
    """The label of the active language; the other one, marked, where it is missing."""
    french = (get_language() or "en").startswith("fr")
    wanted, other, mark = (name_fr, name_en, "en") if french else (name_en, name_fr, "fr")
    if wanted or not other:
        return wanted
    return f"{other} [{mark}]"


class TimeClass(models.TextChoices):
    """What an instant of a machine counts as; exactly one at any time (docs: time model)."""

    CLOSED = "closed"
    NO_LOAD = "no_load"
    BREAK = "break"
    MEETING = "meeting"
    PLANNED_MAINTENANCE = "planned_maintenance"
    TRIAL = "trial"
    RUNNING = "running"
    RUNNING_SLOW = "running_slow"
    MICRO_STOP = "micro_stop"
    BREAKDOWN = "breakdown"
    SETUP = "setup"
    OWN_OTHER = "own_other"
    STARVED = "starved"
    BLOCKED = "blocked"
    NO_OPERATOR = "no_operator"
    NO_MATERIAL = "no_material"
    UNKNOWN = "unknown"


class Role(models.TextChoices):
    """What a person may do somewhere; the actions each allows are in ``plant.access``."""

    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    ENGINEER = "engineer"
    QUALITY = "quality"
    MAINTENANCE = "maintenance"
    ADMIN = "admin"
