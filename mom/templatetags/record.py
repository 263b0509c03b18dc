"""Words of the record page that no other page needs."""

from __future__ import annotations

from django import template
from django.utils.translation import gettext_lazy as late

register = template.Library()

QUANTITIES = {
    "good": late("good"),
    "scrap": late("scrap"),
    "rework": late("rework"),
    "rework_good": late("good after rework"),
    "rework_scrap": late("scrapped after rework"),
    "total": late("total"),
}
MOVEMENTS = {
    "received": late("received"),
    "consumed": late("used"),
    "produced": late("made"),
    "scrapped": late("scrapped"),
    "returned": late("returned"),
    "shipped": late("shipped"),
    "adjusted": late("adjusted"),
    "told": late("told by a machine, booked by nobody"),
}


@register.filter
def quantity_word(kind: str) -> str:
    return str(QUANTITIES.get(kind, kind))


@register.filter
def movement_word(kind: str) -> str:
    return str(MOVEMENTS.get(kind, kind))
