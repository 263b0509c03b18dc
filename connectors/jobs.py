from __future__ import annotations

from plant.jobs import Job

INGEST = Job("connectors.ingest", "ingest")
TICK = Job("connectors.tick", "ingest")
RECEIPTS_TRIM = Job("connectors.receipts_trim", "default")
PARTITIONS_AHEAD = Job("connectors.partitions_ahead", "default")
