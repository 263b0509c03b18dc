"""How a step is to be done, version by version, and who said they read it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from plant.models.base import Assertion, Configuration, Named, bilingual


class WorkInstruction(Configuration, Named):
    """One version of how a step is done: text in both languages, perhaps a picture. A change is a new one.

    It holds for the orders of its product, steps and machines of its class; what is empty holds for all.
    Versions are kept for ever: an order was made by the one in force when it started.
    """

    append_only = True

    code = models.CharField(max_length=60, help_text="Code of the instruction, the same in all its versions.")
    version = models.PositiveIntegerField(help_text="Its number, from 1.")
    text_en = models.TextField(
        blank=True, help_text="The instruction in English: paragraphs, - lists, **bold**."
    )
    text_fr = models.TextField(blank=True, help_text="The instruction in French.")
    changed_en = models.CharField(
        max_length=400, blank=True, help_text="What is new in this version, in English."
    )
    changed_fr = models.CharField(
        max_length=400, blank=True, help_text="What is new in this version, in French."
    )
    product = models.ForeignKey(
        "plant.MaterialDefinition",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The product it is for; empty: any.",
    )
    segment = models.ForeignKey(
        "production.OperationsSegment",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The step of a routing it is for; empty: any.",
    )
    equipment_class = models.ForeignKey(
        "plant.EquipmentClass",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The machines it is for; empty: any.",
    )
    owner = models.ForeignKey(
        "plant.Department",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        help_text="The department that answers for it.",
    )
    effective_from = models.DateTimeField(help_text="From when on it is to be followed (UTC).")
    withdrawn = models.BooleanField(
        default=False, help_text="From this version on the instruction is not used any more."
    )
    image = models.BinaryField(blank=True, default=bytes, help_text="A picture, PNG or JPEG; empty without.")
    image_type = models.CharField(max_length=20, blank=True, help_text="Content type of the picture.")
    author = models.CharField(max_length=80, blank=True, help_text="Who wrote this version.")
    recorded_at = models.DateTimeField(
        default=timezone.now, help_text="When it was stored (UTC); it is never in force before that."
    )

    class Meta:
        ordering = ["code", "version"]
        constraints = [
            models.UniqueConstraint(fields=["code", "version"], name="instruction_version_once"),
            models.CheckConstraint(condition=Q(version__gte=1), name="instruction_version_from_one"),
        ]

    def __str__(self) -> str:
        return f"{self.code} v{self.version}"

    @property
    def text(self) -> str:
        return bilingual(self.text_en, self.text_fr)

    @property
    def changed(self) -> str:
        return bilingual(self.changed_en, self.changed_fr)


class InstructionReading(Assertion):
    """Someone confirmed having read one version of a work instruction, for an order, at a station."""

    job_order = models.ForeignKey(
        "production.JobOrder", models.PROTECT, related_name="+", help_text="The order it was read for."
    )
    instruction = models.ForeignKey(
        WorkInstruction, models.PROTECT, related_name="+", help_text="The version that was read."
    )
    equipment = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The station it was read at."
    )

    class Meta:
        ordering = ["said_at", "id"]
        indexes = [models.Index(fields=["job_order", "instruction"], name="reading_by_order")]

    def __str__(self) -> str:
        return f"{self.instruction_id} for {self.job_order_id}"
