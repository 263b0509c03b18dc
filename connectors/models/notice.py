"""What connectors noticed of their sources besides values, and which runner follows a connection."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from plant.models.base import Fact


class SourceNotice(Fact):
    """A source came, went, or was asked for something: told by its connector, in the order it was noticed."""

    class Kind(models.TextChoices):
        STARTED = "started", _("Runner started")
        LISTENING = "listening", _("Listening")
        DEAF = "deaf", _("Broker lost")
        STANDBY = "standby", _("Stood back for another host")
        BORN = "born", _("Birth")
        DIED = "died", _("Death")
        STALE = "stale", _("Lost from hearing")
        SEEN = "seen", _("Still there")
        SEQ_FAULT = "seq_fault", _("Numbers missing")
        REBIRTH_ASKED = "rebirth_asked", _("Birth asked for")
        DEATH_IGNORED = "death_ignored", _("Death not believed")
        ALARM = "alarm", _("Against the specification")

    connection = models.ForeignKey(
        "connectors.Connection", models.PROTECT, related_name="+", help_text="The connection."
    )
    scope = models.CharField(
        max_length=400, blank=True, help_text="Who it is about: group/node or group/node/device; empty = us."
    )
    kind = models.CharField(max_length=16, choices=Kind, help_text="What was noticed.")
    at = models.DateTimeField(help_text="When it was so (UTC).")
    session = models.BigIntegerField(null=True, help_text="The source's number of its session (bdSeq).")
    seq = models.IntegerField(null=True, help_text="The last message number then.")
    detail = models.CharField(max_length=300, blank=True, help_text="Why, or what exactly.")

    class Meta:
        ordering = ["connection", "id"]
        indexes = [models.Index(fields=["connection", "scope", "-id"], name="notice_by_scope")]

    def __str__(self) -> str:
        return f"{self.scope} {self.kind}"


class FollowerLease(models.Model):
    """Which runner follows a connection now; another may once it was not renewed for a while."""

    connection = models.OneToOneField(
        "connectors.Connection", models.CASCADE, related_name="+", help_text="The connection."
    )
    holder = models.UUIDField(help_text="The runner's spool.")
    renewed_at = models.DateTimeField(help_text="When its runner last said that it follows (UTC).")
    until = models.DateTimeField(help_text="Until when no other may take it (UTC).")

    def __str__(self) -> str:
        return f"{self.connection_id} {self.holder}"
