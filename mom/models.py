"""The roof's own tables: actions that follow from what the floors below record."""

from __future__ import annotations

from mom.calls.models import HelpCall, HelpCallEvent
from mom.improvement.models import Action
from mom.outbox.models import TabletEntry
from mom.reactions.models import ReactionPlan
from mom.saved_views.models import SavedView
from mom.signing.models import (
    Acknowledgement,
    OrderRestatement,
    OrderSignature,
    Restatement,
    ShiftReport,
)

__all__ = [
    "Acknowledgement",
    "Action",
    "HelpCall",
    "HelpCallEvent",
    "OrderRestatement",
    "OrderSignature",
    "ReactionPlan",
    "Restatement",
    "SavedView",
    "ShiftReport",
    "TabletEntry",
]
