"""Setting aside what cannot be read, within bounds, and reading it again."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from time import monotonic

from django.db import connection as database
from django.db import transaction
from django.utils.translation import gettext

from connectors.domain import columns as cols
from connectors.domain.phrase import Told, late
from connectors.interface import ConfigurationError
from connectors.models import Connection, QuarantinedMessage, SignalDefinition
from connectors.models.quarantine import COUNTED_ONLY, COUNTED_UNKNOWN, UNKNOWN
from connectors.registry import connector_class
from connectors.services.context import place_of
from plant import audit
from plant.access import Actor

KEPT_PER_SOURCE = 200
# A clock is wrong for all addresses at once and until somebody sees it: one row a batch, and many of them
EVERY, KEPT_OF_CLOCKS = "*", 20_000
KEPT_BYTES = 256 * 1024
COUNTED_EVERY, REMEMBERED = 60.0, 10_000  # seconds; bounds of a connection
CUT_SHORT = "bytes kept)"

UPSERT = """
INSERT INTO connectors_quarantinedmessage (connection_id, source, reason, form, raw, digest, count,
    first_arrival, last_arrival, configuration_revision, status)
SELECT %s, source, reason, form, raw, digest, count, first, last, %s, 'open'
FROM unnest(%s::text[], %s::text[], %s::text[], %s::bytea[], %s::bytea[], %s::bigint[], %s::timestamptz[],
    %s::timestamptz[]) AS told (source, reason, form, raw, digest, count, first, last)
ORDER BY digest
ON CONFLICT (connection_id, digest) DO UPDATE
SET count = connectors_quarantinedmessage.count + EXCLUDED.count,
    last_arrival = GREATEST(connectors_quarantinedmessage.last_arrival, EXCLUDED.last_arrival)
"""
_KEPT = """
SELECT source, CASE WHEN source = %s THEN reason ELSE '' END, count(*) FROM connectors_quarantinedmessage
WHERE connection_id = %s AND source = ANY(%s) GROUP BY 1, 2
"""
# A source, and the fault where all addresses share their rows
Bound = tuple[str, str]
_counts: dict[tuple[str, int], dict[Bound, tuple[int, float]]] = {}


class Clocks(StrEnum):
    """Why values are set aside that the source may have dated well."""

    AHEAD = "in the future, and so is the runner's clock"
    BEHIND = "newer than the runner's clock (behind, or the source's is ahead)"
    PAST = "too far in the past, and so is the runner's clock"


CLOCKS = frozenset(Clocks)


@dataclass(frozen=True, slots=True)
class Aside:
    """What to set aside: ``count`` values or messages with one reason from one source."""

    source: str
    reason: str
    form: str
    raw: bytes
    count: int
    arrival: datetime

    @property
    def digest(self) -> bytes:
        # Columns carry arrival times, so values that come again are new rows up to the bound, then only
        # counted
        body = b"\0".join((self.source.encode(), self.reason.encode(), self.raw))
        return blake2b(body, digest_size=16).digest()


def messages_set_aside(*, connection_id: int, revision: int, asides: Iterable[Aside]) -> None:
    """Bounded per source: past the bound a source's further messages are counted on one row."""
    items = [_cut(aside) for aside in asides]
    if not items:
        return
    kept = _kept(connection_id, {_bounded(item) for item in items})
    rows: dict[bytes, Aside] = {}
    last: dict[bytes, datetime] = {}
    for item in items:
        kept[_bounded(item)] += 1
        if kept[_bounded(item)] > (KEPT_OF_CLOCKS if item.reason in CLOCKS else KEPT_PER_SOURCE):
            said = COUNTED_UNKNOWN if item.reason == UNKNOWN else COUNTED_ONLY
            item = Aside(item.source, said, item.form, b"", item.count, item.arrival)
        digest = item.digest
        same = rows.get(digest)
        last[digest] = max(last.get(digest, item.arrival), item.arrival)
        rows[digest] = item if same is None else replace(same, count=same.count + item.count)
    columns = [
        (row.source, row.reason, row.form, row.raw, digest, row.count, row.arrival, last[digest])
        for digest, row in rows.items()
    ]
    # In one order in every transaction, or two that touch the same rows could wait for each other
    with database.cursor() as cursor:
        cursor.execute(UPSERT, [connection_id, revision, *map(list, zip(*columns, strict=True))])
    _remember(connection_id, kept)


def _bounded(aside: Aside) -> Bound:
    """What shares one bound: a source, or where all addresses share a row, one kind of fault."""
    return (aside.source, aside.reason if aside.source == EVERY else "")


def _cut(aside: Aside) -> Aside:
    raw, reason = aside.raw, aside.reason
    if len(raw) > KEPT_BYTES and aside.form == QuarantinedMessage.Form.MESSAGE:
        # The mark comes last and outlives the cutting of a long reason
        mark = f" (first {KEPT_BYTES} of {len(raw)} {CUT_SHORT}"
        raw, reason = raw[:KEPT_BYTES], reason[: 300 - len(mark)] + mark
    return Aside(
        _clean(aside.source)[:400], _clean(reason)[:300], aside.form, raw, aside.count, aside.arrival
    )


def _clean(text: str) -> str:
    return text.replace("\x00", "\N{SYMBOL FOR NULL}").encode("utf-8", "replace").decode()


def _kept(connection_id: int, wanted: set[Bound]) -> Counter[Bound]:
    """Rows kept; counted at most once a minute, so that other workers' of that minute may come on top."""
    known, now = _counts.get(place_of(connection_id), {}), monotonic()
    found = {bound: known[bound][0] for bound in wanted if bound in known and known[bound][1] > now}
    sources = [source for source, reason in wanted if (source, reason) not in found]
    if sources:
        with database.cursor() as cursor:
            cursor.execute(_KEPT, [EVERY, connection_id, sources])
            found |= {(source, reason): count for source, reason, count in cursor.fetchall()}
    return Counter(found)


def _remember(connection_id: int, kept: Counter[Bound]) -> None:
    """Once it is true."""
    place, until = place_of(connection_id), monotonic() + COUNTED_EVERY

    def remember() -> None:
        known = _counts.setdefault(place, {})
        if len(known) > REMEMBERED:
            known.clear()
        for bound, count in kept.items():
            after = known[bound][1] if bound in known and known[bound][1] > monotonic() else until
            known[bound] = (count, after)

    transaction.on_commit(remember)


class CannotReread(Told, ValueError):
    """These bytes mean nothing without the session they came in, or still cannot be read."""

    is_bad_input = True

    def __str__(self) -> str:
        return self.said(gettext)


@transaction.atomic
def quarantine_reprocess(*, message_id: int, by: Actor, now: datetime) -> int:
    """Read a message again with today's configuration; returns how many values it now gave.

    Doing it twice adds none. Raises CannotReread when it still cannot be read.
    """
    from connectors.services.ingest import Delivery, deliveries_store

    message = QuarantinedMessage.objects.select_for_update().get(pk=message_id)
    connection = Connection.objects.select_related("site").get(pk=message.connection_id)
    by.require("connection.edit", connection.site)
    if message.status == QuarantinedMessage.Status.REPROCESSED:
        return 0
    samples = _read_again(message, connection)
    if (message.source, message.reason) == (EVERY, UNKNOWN):
        samples = _mapped_now(message, samples)
    if message.reason in CLOCKS:
        # Whoever asks says that the values are right: they are judged, and arrive, by our clock
        samples.arrival_time = array("q", [cols.micros(now)]) * len(samples)
    # Of a whole message, values that no signal wants are set aside as they are when they come by themselves
    are_values = message.form == QuarantinedMessage.Form.SAMPLES
    _, results = deliveries_store(
        slug=connection.slug, deliveries=[Delivery(samples=samples)], now=now, refuse_unreadable=are_values
    )
    if results[0].received and results[0].quarantined == results[0].received:
        text = late("none of its %(count)d values can be stored: no signal has their address, type or time")
        raise CannotReread(text, count=results[0].received)
    message.status, message.reprocessed_at = QuarantinedMessage.Status.REPROCESSED, now
    message.save(update_fields=["status", "reprocessed_at"])
    audit.record(
        by=by,
        action="quarantine.reprocess",
        subject_type="quarantined_message",
        subject_code=str(message.pk),
        after={"stored": results[0].stored, "deduplicated": results[0].deduplicated},
    )
    return results[0].stored


def _mapped_now(message: QuarantinedMessage, samples: cols.Columns) -> cols.Columns:
    """The values somebody maps by now; the others stay aside in a row of their own."""
    signals = SignalDefinition.objects.filter(connection_id=message.connection_id)
    known = set(signals.values_list("address", flat=True))
    wanted = [samples.addresses[index] in known for index in samples.address]
    if all(wanted) or not any(wanted):
        return samples
    taken, rest = (
        samples.take([place for place, is_wanted in enumerate(wanted) if is_wanted == which])
        for which in (True, False)
    )
    raw = cols.encode(rest, compress=True)
    aside = Aside(EVERY, UNKNOWN, message.form, raw, len(rest), message.first_arrival)
    QuarantinedMessage.objects.create(
        connection_id=message.connection_id,
        source=EVERY,
        reason=UNKNOWN,
        form=message.form,
        raw=raw,
        digest=aside.digest,
        count=len(rest),
        first_arrival=message.first_arrival,
        last_arrival=message.last_arrival,
        configuration_revision=message.configuration_revision,
    )
    message.count, message.raw = len(taken), cols.encode(taken, compress=True)
    message.save(update_fields=["count", "raw"])
    return taken


def _read_again(message: QuarantinedMessage, connection: Connection) -> cols.Columns:
    raw = bytes(message.raw)
    if message.reason in (COUNTED_ONLY, COUNTED_UNKNOWN):
        raise CannotReread(late("only the number of these messages was kept"))
    if message.reason.endswith(CUT_SHORT):
        raise CannotReread(late("only the first %(bytes)d bytes of this message were kept"), bytes=KEPT_BYTES)
    if message.form == QuarantinedMessage.Form.SAMPLES:
        try:
            return cols.decode(raw)
        except cols.DamagedColumns as error:
            raise CannotReread("%(problem)s", problem=str(error)) from error
    try:
        cls = connector_class(connection.protocol)
        config = cls.config_class.from_mapping(connection.config)
        reread = getattr(cls, "reread", None)
        if reread is None:
            text = late("a message of protocol %(protocol)s cannot be read without the session it came in")
            raise CannotReread(text, protocol=connection.protocol)
        again: cols.Columns = reread(config, message.source, raw, cols.micros(message.first_arrival))
    except CannotReread:
        raise
    except ConfigurationError as error:
        text = late("the settings of connection %(slug)s cannot work: %(problem)s")
        raise CannotReread(text, slug=connection.slug, problem=error) from error
    except Told as error:
        raise CannotReread("%(problem)s", problem=error) from error
    except ValueError as error:
        raise CannotReread("%(problem)s", problem=str(error)) from error
    return again
