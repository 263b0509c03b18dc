from __future__ import annotations

from connectors.services.compaction import day_pack, history_pack
from connectors.services.connections import (
    connection_save,
    exception_record,
    identity_of,
    settings_check,
    signals_save,
)
from connectors.services.disks import disk_readings_keep
from connectors.services.history import history_import, import_key
from connectors.services.ingest import Delivery, Result, deliveries_store, samples_ingest, watermark_append
from connectors.services.leases import leases_hold, leases_release
from connectors.services.marks import dirty_mark
from connectors.services.partitions import partitions_ahead, partitions_ensure
from connectors.services.quarantine import CannotReread, quarantine_reprocess
from connectors.services.retaining import Drop, history_due, history_retire
from connectors.services.retention import receipts_trim
from connectors.services.sealing import history_verify
from connectors.services.spools import CannotWriteOff, runner_join, spool_write_off
from connectors.services.tally import spool_report, tallies_fold
from connectors.services.unmapped import (
    CannotIgnore,
    unmapped_flush,
    unmapped_ignore,
    unmapped_trim,
    unmapped_unignore,
)
from connectors.services.waking import wake_marked

__all__ = [
    "CannotIgnore",
    "CannotReread",
    "CannotWriteOff",
    "Delivery",
    "Drop",
    "Result",
    "connection_save",
    "day_pack",
    "deliveries_store",
    "dirty_mark",
    "disk_readings_keep",
    "exception_record",
    "history_due",
    "history_import",
    "history_pack",
    "history_retire",
    "history_verify",
    "identity_of",
    "import_key",
    "leases_hold",
    "leases_release",
    "partitions_ahead",
    "partitions_ensure",
    "quarantine_reprocess",
    "receipts_trim",
    "runner_join",
    "samples_ingest",
    "settings_check",
    "signals_save",
    "spool_report",
    "spool_write_off",
    "tallies_fold",
    "unmapped_flush",
    "unmapped_ignore",
    "unmapped_trim",
    "unmapped_unignore",
    "wake_marked",
    "watermark_append",
]
