"""Suggested reasons in words: what, and why it is suggested."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from django.utils.translation import gettext as _

from production.selectors.suggestions import suggestions_by_id

if TYPE_CHECKING:
    from production.domain.suggestion import Cause


@dataclass(frozen=True, slots=True)
class Shown:
    code: str
    name: str
    opens_request: bool
    cause: str


def suggestions_shown(stop_id: UUID) -> Sequence[Shown]:
    """At most three, the likeliest first."""
    return [
        Shown(item.reason.code, item.reason.name, item.reason.opens_request, cause_words(item.cause))
        for item in suggestions_by_id(stop_id)
    ]


def cause_words(cause: Cause) -> str:
    """Counts anyone can check in the list of stops."""
    words = {
        "fault_machine": _("alarm %(fault)s on this machine: %(count)d of the last %(of)d times"),
        "fault_class": _("alarm %(fault)s on machines like it: %(count)d of the last %(of)d times"),
        "machine_product": _("this machine with this product: %(count)d of the last %(of)d times"),
        "machine_shift": _("this machine on this shift: %(count)d of the last %(of)d times"),
        "machine": _("this machine: %(count)d of the last %(of)d times"),
    }
    return words[cause.way] % {"fault": cause.fault_code, "count": cause.count, "of": cause.of}
