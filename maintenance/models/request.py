"""Calls for maintenance and what was done about them."""

from __future__ import annotations

from django.db import models

from plant.models.base import Assertion, Fact


class MaintenanceRequest(Assertion):
    """A stop of a machine that maintenance is asked to end, with what was known when it began.

    One per machine and stop start, however often it is raised. Its state is derived from its events.
    """

    code = models.CharField(max_length=20, unique=True, help_text="Unique number, such as MR-000012.")
    equipment = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The machine."
    )
    stop_start = models.DateTimeField(
        help_text="Start of the stop (UTC); with the machine it names the stop."
    )
    reason_code = models.CharField(
        max_length=40, blank=True, help_text="Code of the reason given for the stop, if one was."
    )
    job_order = models.ForeignKey(
        "production.JobOrder",
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="The order that ran, as far as known when it was raised.",
    )
    description = models.TextField(blank=True, help_text="What is wrong, in the author's words.")
    context = models.JSONField(
        default=dict,
        help_text="Frozen when raised: alarms and values of the five minutes before, the last three alike.",
    )

    class Meta:
        ordering = ["-stop_start", "-id"]
        indexes = [models.Index(fields=["job_order", "stop_start"], name="request_by_order")]
        constraints = [
            models.UniqueConstraint(fields=["equipment", "stop_start"], name="request_once_per_stop")
        ]

    def __str__(self) -> str:
        return self.code


class MaintenanceEvent(Fact):
    """A request was taken, its repair started or ended, or it was closed with what cured it.

    It is withdrawn when the reason it was raised by is taken back before anyone took it, and raised again
    when the stop asks for maintenance once more; later such news is a note on it.
    """

    class Kind(models.TextChoices):
        TAKEN = "taken"
        REPAIR_STARTED = "repair_started"
        REPAIR_ENDED = "repair_ended"
        CLOSED = "closed"
        WITHDRAWN = "withdrawn"
        RAISED_AGAIN = "raised_again"
        NOTE = "note"

    request = models.ForeignKey(
        MaintenanceRequest, models.PROTECT, related_name="events", help_text="The request."
    )
    kind = models.CharField(max_length=14, choices=Kind, help_text="What happened.")
    at = models.DateTimeField(help_text="When (UTC).")
    person = models.ForeignKey(
        "plant.Person", models.PROTECT, null=True, related_name="+", help_text="Who, if a person."
    )
    device = models.ForeignKey(
        "plant.Device", models.PROTECT, null=True, related_name="+", help_text="On which tablet."
    )
    actor = models.CharField(max_length=80, help_text="Account, key or rule it was recorded with.")
    cure = models.TextField(blank=True, help_text="What cured it, said when it was closed.")
    text = models.TextField(blank=True, help_text="Why it was withdrawn, or what the note says.")

    class Meta:
        ordering = ["at", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "kind"],
                condition=models.Q(kind__in=["taken", "repair_started", "repair_ended", "closed"]),
                name="request_event_once",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.request_id}"


class InterventionImport(Fact):
    """One row of maintenance's own spreadsheet of interventions, as read, and the request it tells of."""

    file_name = models.CharField(max_length=255, help_text="Name of the file it came in first.")
    row_number = models.PositiveIntegerField(help_text="Its row in that file, counted from 1.")
    row = models.JSONField(help_text="The cells by column, as they were read.")
    digest = models.CharField(
        max_length=64, unique=True, help_text="SHA-256 of the cells: a row imported again adds nothing."
    )
    request = models.ForeignKey(
        MaintenanceRequest,
        models.PROTECT,
        related_name="imports",
        help_text="The request it made, or added to.",
    )

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.file_name}:{self.row_number}"
