"""History from a file through the same ingest as live values, going on where an earlier attempt stopped."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Protocol

from django.db.models import F, QuerySet, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from connectors.domain.phrase import Told
from connectors.domain.wire import Unread
from connectors.interface import SampleBatch
from connectors.models import Connection, HistoryImport, IngestReceipt
from connectors.services.ingest import Delivery, deliveries_store
from connectors.services.unmapped import unmapped_flush

IMPORTS = uuid.UUID("2b7f0a44-6a0e-4a52-8f0e-0a5c1f0d9a77")

COUNTS = ("stored", "deduplicated", "quarantined")


class Readable(Protocol):
    """What gives batches of equal numbers of rows, in the same order every time."""

    def read(self, *, skip: int = 0) -> Iterator[SampleBatch]: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """After each batch: rows read so far, what this attempt stored, batches an earlier one had stored."""

    rows: int
    skipped: int
    received: int = 0
    stored: int = 0
    deduplicated: int = 0
    quarantined: int = 0


def import_key(*, connection: str, path: Path, settings: Mapping[str, Any]) -> uuid.UUID:
    """The same for the same content read in the same way: what was stored of it is known by it."""
    digest = blake2b(digest_size=16)
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            digest.update(part)
    said = json.dumps({**settings, "path": ""}, sort_keys=True, default=str)
    return uuid.uuid5(IMPORTS, f"{connection}\n{digest.hexdigest()}\n{said}")


def history_import(
    *, connection: str, source: Readable, key: uuid.UUID, file: str, total: int
) -> Iterator[Progress]:
    """Each batch is one transaction with its receipt: a kill at any instant loses and doubles nothing.

    ``total`` rows are in ``file``; how far it got is on record for the pages.
    """
    record = _record(connection, key, file, total)
    try:
        yield from _imported(connection, source, key, record)
    except (Told, OSError) as error:
        record.update(problem=str(error)[:500])
        raise
    unmapped_flush(now=timezone.now(), at_once=True)
    record.filter(ended_at=None).update(ended_at=timezone.now())


def _imported(
    connection: str, source: Readable, key: uuid.UUID, record: QuerySet[HistoryImport]
) -> Iterator[Progress]:
    known = set(IngestReceipt.objects.filter(spool=key).values_list("sequence", flat=True))
    skip = next(number for number in range(len(known) + 1) if number + 1 not in known)
    done = Progress(0, skip)
    for number, batch in enumerate(source.read(skip=skip), skip + 1):
        unread = [Unread(one.source, one.reason, one.raw, one.arrival_time) for one in batch.malformed]
        delivery = Delivery(samples=batch.samples, unread=unread, receipt=(key, number), is_runner=False)
        _, results = deliveries_store(
            slug=connection, deliveries=[delivery], now=timezone.now(), sparingly=True
        )
        record.update(
            rows=int(batch.token),
            moved_at=timezone.now(),
            stored=F("stored") + sum(one.stored for one in results),
            deduplicated=F("deduplicated") + sum(one.deduplicated for one in results),
            quarantined=F("quarantined") + sum(one.quarantined for one in results),
        )
        done = Progress(
            rows=int(batch.token),
            skipped=skip,
            received=done.received + sum(one.received for one in results),
            stored=done.stored + sum(one.stored for one in results),
            deduplicated=done.deduplicated + sum(one.deduplicated for one in results),
            quarantined=done.quarantined + sum(one.quarantined for one in results),
        )
        yield done


def _record(connection: str, key: uuid.UUID, file: str, total: int) -> QuerySet[HistoryImport]:
    """Counts go on from the receipts: what was stored at the instant of a kill is in them."""
    now = timezone.now()
    receipts = IngestReceipt.objects.filter(spool=key)
    before = receipts.aggregate(**{name: Coalesce(Sum(name), 0) for name in COUNTS})
    told = {**before, "file": file[:255], "rows_total": total, "moved_at": now, "problem": ""}
    pk = Connection.objects.values_list("pk", flat=True).get(slug=connection)
    HistoryImport.objects.update_or_create(
        key=key, defaults=told, create_defaults={**told, "connection_id": pk, "began_at": now}
    )
    return HistoryImport.objects.filter(key=key)
