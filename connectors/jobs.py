from __future__ import annotations

from plant.jobs import Job

INGEST = Job("connectors.ingest", "ingest")
TICK = Job("connectors.tick", "ingest")
SPOOL_REPORT = Job("connectors.spool_report", "ingest")
HISTORY_PACK = Job("connectors.history_pack", "default")
HISTORY_RETIRE = Job("connectors.history_retire", "default")
HISTORY_VERIFY = Job("connectors.history_verify", "default")
TALLIES_FOLD = Job("connectors.tallies_fold", "default")
RECEIPTS_TRIM = Job("connectors.receipts_trim", "default")
PARTITIONS_AHEAD = Job("connectors.partitions_ahead", "default")
