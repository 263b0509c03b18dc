"""People, what they may do and where, and the devices they share."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser
from django.db import models
from knox.models import AbstractAuthToken

from plant.models.base import Configuration, Role


class User(AbstractUser):  # type: ignore[django-manager-missing]  # knox swaps the model that names it
    """An account that signs in with a password. The person behind it may also work with a badge only."""

    must_change_password = models.BooleanField(
        default=False, help_text="A new password is asked for at the next sign-in."
    )


class Person(Configuration):
    """Someone who works in the plant. Facts carry only this row's number, so the name can be erased."""

    badge = models.CharField(max_length=40, unique=True, help_text="What the badge reader reads.")
    name = models.CharField(max_length=120, blank=True, help_text="Name as printed; empty once erased.")
    language = models.CharField(
        max_length=5, default="en", help_text="Language of the screens after badge-in: en or fr."
    )
    pin = models.CharField(max_length=128, blank=True, help_text="Hash of the PIN used on enrolled tablets.")
    user = models.OneToOneField(
        User,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="person",
        help_text="Account for pages and API, if any.",
    )
    is_active = models.BooleanField(
        default=True, help_text="Unticked when the person has left: nothing works any more."
    )
    erased_at = models.DateTimeField(null=True, blank=True, help_text="When the name was erased on request.")

    class Meta:
        ordering = ["badge"]
        verbose_name_plural = "people"

    def __str__(self) -> str:
        return self.name or self.badge


class RoleAssignment(Configuration):
    """One role of one person, somewhere: on a site, a line, or everywhere below that place."""

    Role = Role

    person = models.ForeignKey(Person, models.CASCADE, related_name="roles", help_text="Who.")
    role = models.CharField(max_length=12, choices=Role, help_text="What they may do.")
    scope = models.ForeignKey(
        "plant.Equipment", models.CASCADE, related_name="+", help_text="Where: this place and all below."
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["person", "role", "scope"], name="role_once_per_scope")
        ]

    def __str__(self) -> str:
        return f"{self.person_id} {self.role} {self.scope_id}"


class Device(Configuration):
    """A tablet enrolled once for a station, and revocable; people identify themselves by badge and PIN."""

    label = models.CharField(max_length=80, help_text="What is written on the tablet.")
    equipment = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The station or line it serves."
    )
    digest = models.CharField(
        max_length=64, unique=True, help_text="SHA-256 of its secret; the secret itself is not kept."
    )
    enrolled_at = models.DateTimeField(
        null=True, help_text="When the enrolment link was used; empty before that."
    )
    expires_at = models.DateTimeField(null=True, help_text="When an unused enrolment link stops working.")
    revoked_at = models.DateTimeField(null=True, blank=True, help_text="When it was revoked.")

    def __str__(self) -> str:
        return self.label


class PinAttempt(models.Model):
    """A wrong PIN of one person on one tablet. Five in a row lock that pair for a while, never the line."""

    person = models.ForeignKey(Person, models.CASCADE, related_name="+", help_text="Whose PIN was tried.")
    device = models.ForeignKey(Device, models.CASCADE, related_name="+", help_text="Where it was tried.")
    at = models.DateTimeField(help_text="When (UTC).")

    class Meta:
        indexes = [models.Index(fields=["person", "device", "at"], name="pin_attempt_recent")]

    def __str__(self) -> str:
        return f"{self.person_id} on {self.device_id}"


class ApiToken(AbstractAuthToken):
    """A key for programs: named, scoped, expiring, shown once and kept only as a hash."""

    class Scope(models.TextChoices):
        READ = "read"
        WRITE = "write"

    name = models.CharField(max_length=80, blank=True, help_text="What the key is for.")
    scope = models.CharField(
        max_length=5, choices=Scope, default=Scope.READ, help_text="Read only, or read and write."
    )
    last_used_at = models.DateTimeField(
        null=True, blank=True, help_text="Last successful use, to the minute."
    )
