from __future__ import annotations

from connectors.models.arrivals import DirtyMark, IngestReceipt, ReceivedNumber, Watermark
from connectors.models.connection import Connection
from connectors.models.disk import DiskReading
from connectors.models.gap import Gap
from connectors.models.history import HistoryImport
from connectors.models.notice import FollowerLease, SourceNotice
from connectors.models.quarantine import QuarantinedMessage
from connectors.models.sample import SignalSample
from connectors.models.segment import HistoryCheck, RetiredHistory, SampleSegment
from connectors.models.signal import SignalDefinition
from connectors.models.tally import IngestTally, SpoolReport
from connectors.models.unmapped import UnmappedAddress

__all__ = [
    "Connection",
    "DirtyMark",
    "DiskReading",
    "FollowerLease",
    "Gap",
    "HistoryCheck",
    "HistoryImport",
    "IngestReceipt",
    "IngestTally",
    "QuarantinedMessage",
    "ReceivedNumber",
    "RetiredHistory",
    "SampleSegment",
    "SignalDefinition",
    "SignalSample",
    "SourceNotice",
    "SpoolReport",
    "UnmappedAddress",
    "Watermark",
]
