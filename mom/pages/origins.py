"""Where a loss began, in words: the machine and what it stood for, or what lies outside the machines."""

from __future__ import annotations

from django.utils.translation import gettext as _

from production.domain.line.walk import NO_MATERIAL, NO_OUTLET, NOT_EVALUABLE


def origin_word(machine: str, what: str) -> str:
    """The machine a loss began at and what it stood for; only that where no machine is known."""
    return _("%(machine)s: %(what)s") % {"machine": machine, "what": what} if machine else what


def end_word(kind: str) -> str:
    """What a loss came from that began at no machine; empty where a machine or a reason names it."""
    words = {
        NO_MATERIAL: _("No material at the line's entry"),
        NO_OUTLET: _("Line exit full"),
        NOT_EVALUABLE: _("Cause not evaluable"),
    }
    return words.get(kind, "")
