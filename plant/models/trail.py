"""Who did what, when and why: decisions, the audit trail, and requests that must not count twice."""

from __future__ import annotations

from django.db import models

from plant.models.base import Assertion, Fact


class Decision(Assertion):
    """Someone with authority chose: a schedule change, an override, a release. It has who, when and why."""

    class Kind(models.TextChoices):
        SCHEDULE_CHANGE = "schedule_change"
        ORDER_CHANGE = "order_change"
        MATERIAL_OVERRIDE = "material_override"
        RELEASE = "release"
        DISPOSITION = "disposition"
        OTHER = "other"

    kind = models.CharField(max_length=20, choices=Kind, help_text="What sort of decision.")
    line = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The line it concerns."
    )
    subject_type = models.CharField(
        max_length=40, help_text="What it is about: job_order, material_lot, nonconformance…"
    )
    subject_code = models.CharField(max_length=80, help_text="Business code of the subject.")
    job_order_code = models.CharField(
        max_length=40, blank=True, db_index=True, help_text="The production order it belongs to."
    )
    summary = models.CharField(max_length=200, help_text="What was decided, in one line.")
    why = models.TextField(help_text="The reason given.")
    detail = models.JSONField(default=dict, help_text="Before and after, as data.")

    class Meta:
        ordering = ["said_at", "id"]

    def __str__(self) -> str:
        return self.summary


class AuditEntry(Fact):
    """One write: who, on which device, what changed from what to what, and why."""

    at = models.DateTimeField(db_index=True, help_text="When it was done (UTC).")
    person = models.ForeignKey(
        "plant.Person", models.PROTECT, null=True, related_name="+", help_text="Who, if a person."
    )
    device = models.ForeignKey(
        "plant.Device", models.PROTECT, null=True, related_name="+", help_text="On which tablet."
    )
    actor = models.CharField(max_length=80, help_text="Account, key or rule it was done with.")
    action = models.CharField(max_length=60, help_text="What was done, such as job_order.start.")
    subject_type = models.CharField(max_length=40, help_text="Kind of thing it was done to.")
    subject_code = models.CharField(max_length=120, help_text="Which one.")
    why = models.TextField(blank=True, help_text="The reason given, where one is asked for.")
    before = models.JSONField(null=True, help_text="Values before.")
    after = models.JSONField(null=True, help_text="Values after.")

    class Meta:
        ordering = ["-id"]
        verbose_name_plural = "audit entries"
        indexes = [models.Index(fields=["subject_type", "subject_code", "id"], name="audit_by_subject")]

    def __str__(self) -> str:
        return f"{self.action} {self.subject_code}"


class IdempotentRequest(Fact):
    """A write that came with a key, and its answer; the same key is answered the same and done once."""

    key = models.CharField(max_length=80, help_text="The caller's key for this one write.")
    caller = models.CharField(max_length=80, help_text="Account, key or tablet that sent it.")
    route = models.CharField(max_length=120, help_text="Method and path.")
    digest = models.CharField(
        max_length=64, help_text="SHA-256 of the body, so that a reused key is noticed."
    )
    status = models.PositiveSmallIntegerField(help_text="HTTP status of the first answer.")
    answer = models.JSONField(help_text="Body of the first answer.")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["caller", "key"], name="idempotent_request_once")]

    def __str__(self) -> str:
        return self.key
