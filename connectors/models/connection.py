"""Where values come from."""

from __future__ import annotations

from django.db import models

from plant.models.base import Configuration, Named


class Connection(Configuration, Named):
    """One way into the plant's machines: an OPC UA server, topics of an MQTT broker, a Sparkplug B group.

    ``revision`` is raised by the database whenever the connection or one of its signals changes; runners
    reload and quarantined messages remember it.
    """

    slug = models.SlugField(max_length=60, unique=True, help_text="Short unique code of the connection.")
    protocol = models.CharField(
        max_length=40, help_text="Connector that speaks to it: opcua, mqtt, sparkplug…"
    )
    config = models.JSONField(
        default=dict,
        blank=True,
        help_text="Settings of the connector; secrets are named by variable, never kept.",
    )
    state_map = models.JSONField(
        default=dict,
        blank=True,
        help_text="Raw value → state name, such as {'6': 'execute'}; vendors number states differently.",
    )
    enabled = models.BooleanField(default=True, help_text="Whether runners keep it connected.")
    site = models.ForeignKey(
        "plant.Equipment", models.PROTECT, related_name="+", help_text="The site whose machines it reaches."
    )
    revision = models.BigIntegerField(
        default=1, editable=False, help_text="Grows with every change of the connection or its signals."
    )

    class Meta:
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.slug
