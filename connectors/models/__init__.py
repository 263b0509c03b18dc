from __future__ import annotations

from connectors.models.arrivals import DirtyMark, IngestReceipt, ReceivedNumber, Watermark
from connectors.models.connection import Connection
from connectors.models.gap import Gap
from connectors.models.quarantine import QuarantinedMessage
from connectors.models.sample import SignalSample
from connectors.models.signal import SignalDefinition

__all__ = [
    "Connection",
    "DirtyMark",
    "Gap",
    "IngestReceipt",
    "QuarantinedMessage",
    "ReceivedNumber",
    "SignalDefinition",
    "SignalSample",
    "Watermark",
]
