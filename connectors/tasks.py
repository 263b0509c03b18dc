"""What Celery runs for connectors. JSON in, nothing out: the answer to a runner is a message of its own."""

from __future__ import annotations

import base64
import logging
import uuid
from datetime import datetime, timedelta
from typing import Any

import orjson
import redis
from celery import shared_task
from celery.schedules import crontab
from django.conf import settings
from django.utils import timezone

from connectors import jobs, services
from connectors.domain.columns import Columns, DamagedColumns, decode, instant
from connectors.domain.notices import Notice
from connectors.domain.outage import GapRecord
from connectors.domain.wire import Unread, gap_from_json, notices_from_json, unread_from_json
from connectors.models import Connection
from connectors.transports.celery_broker import REPLY

log = logging.getLogger(__name__)
REPLIES_KEPT = 3600
_redis: redis.Redis | None = None


@shared_task(name=jobs.INGEST.name)
def ingest(*, spool: str, connection: str, batches: list[list[Any]]) -> None:
    """Store spooled batches ``[sequence, base64 columns, {gaps, unread}]``, then answer which are stored."""
    sequences = [int(batch[0]) for batch in batches]
    try:
        deliveries = [_delivery(uuid.UUID(spool), *batch) for batch in batches]
        services.deliveries_store(slug=connection, deliveries=deliveries, now=timezone.now(), sparingly=True)
    except Exception as error:
        _answer(spool, {"failed": sequences, "error": f"{type(error).__name__}: {error}"[:500]})
        raise
    _answer(spool, {"stored": sequences})


@shared_task(name=jobs.TICK.name)
def tick(*, watermarks: dict[str, str]) -> None:
    """Append how far each connection is known to be complete (slug → instant); never later than our clock, as
    a runner whose clock was ahead would be believed until that time comes.
    """
    now = timezone.now()
    known = dict(Connection.objects.filter(slug__in=watermarks).values_list("slug", "pk"))
    for slug, at in watermarks.items():
        if slug in known:
            services.watermark_append(connection_id=known[slug], at=min(datetime.fromisoformat(at), now))
    services.wake_marked()
    services.unmapped_flush(now=now)


@shared_task(name=jobs.SPOOL_REPORT.name)
def spool_report(*, spool: str, report: dict[str, Any], sent: float | None = None) -> None:
    """``sent``: seconds by the clock of Redis, which runner and worker share: how long it lay in the queue is
    known whatever their own clocks say.
    """
    now = timezone.now()
    services.spool_report(spool=uuid.UUID(spool), report=report, heard_at=now - _age(sent))
    services.runner_join(spool=uuid.UUID(spool), now=now)


@shared_task(name=jobs.TALLIES_FOLD.name)
def tallies_fold() -> None:
    services.tallies_fold(now=timezone.now())
    services.unmapped_trim()
    services.disk_readings_keep(now=timezone.now())


@shared_task(name=jobs.HISTORY_PACK.name)
def history_pack() -> None:
    services.history_pack(now=timezone.now())


@shared_task(name=jobs.HISTORY_RETIRE.name)
def history_retire() -> None:
    services.history_retire(now=timezone.now())


@shared_task(name=jobs.HISTORY_VERIFY.name)
def history_verify(*, slug: str = "") -> None:
    services.history_verify(slug=slug)


@shared_task(name=jobs.RECEIPTS_TRIM.name)
def receipts_trim() -> None:
    services.receipts_trim(now=timezone.now())


@shared_task(name=jobs.PARTITIONS_AHEAD.name)
def partitions_ahead() -> None:
    services.partitions_ahead(now=timezone.now())


BEAT = {
    "connectors receipts trim": {
        "task": jobs.RECEIPTS_TRIM.name,
        "schedule": 3600.0,
        "options": {"queue": jobs.RECEIPTS_TRIM.queue},
    },
    "connectors history pack": {
        "task": jobs.HISTORY_PACK.name,
        "schedule": 3600.0,
        "options": {"queue": jobs.HISTORY_PACK.queue},
    },
    "connectors history retire": {
        "task": jobs.HISTORY_RETIRE.name,
        "schedule": crontab(minute="20", hour="1"),
        "options": {"queue": jobs.HISTORY_RETIRE.queue},
    },
    "connectors history verify": {
        "task": jobs.HISTORY_VERIFY.name,
        "schedule": crontab(minute="40", hour="1", day_of_week="sun"),
        "options": {"queue": jobs.HISTORY_VERIFY.queue},
    },
    "connectors tallies fold": {
        "task": jobs.TALLIES_FOLD.name,
        "schedule": 1800.0,
        "options": {"queue": jobs.TALLIES_FOLD.queue},
    },
    "connectors partitions ahead": {
        "task": jobs.PARTITIONS_AHEAD.name,
        "schedule": 3600.0,
        "options": {"queue": jobs.PARTITIONS_AHEAD.queue},
    },
}


def _delivery(spool: uuid.UUID, sequence: int, blob: str, extras: dict[str, Any]) -> services.Delivery:
    """What the runner's file holds. What is damaged is kept as it is: no reason to stop what comes after."""
    raw, damaged = base64.b64decode(blob), []
    try:
        samples = decode(raw) if raw else Columns()
    except DamagedColumns as error:
        samples = Columns()
        damaged.append(Unread("spool", f"damaged batch: {error}", raw, timezone.now()))
    try:
        gaps, unread, notices, told = _extras(extras)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        gaps, unread, notices, told = [], [], [], None
        why = f"damaged batch: what came with its values: {type(error).__name__}: {error}"[:280]
        damaged.append(Unread("spool", why, orjson.dumps(extras), timezone.now()))
    return services.Delivery(
        samples=samples,
        gaps=gaps,
        unread=[*unread, *damaged],
        notices=notices,
        receipt=(spool, sequence),
        told=told,
    )


def _extras(said: dict[str, Any]) -> tuple[list[GapRecord], list[Unread], list[Notice], int | None]:
    """Gaps, unreadable messages, notices and how many values the runner counted. Raises what the built-in
    conversions raise.
    """
    gaps = [gap_from_json(gap) for gap in said.get("gaps", ())]
    unread = unread_from_json(said.get("unread", ()))
    notices = notices_from_json(said.get("notices", ()))
    told = said.get("values")
    texts = [text for gap in gaps for text in (gap.cause, gap.scope, gap.detail, gap.recovered)]
    texts += [text for one in unread for text in (one.source, one.reason)]
    texts += [text for one in notices for text in (one.kind, one.scope, one.detail)]
    if "\0" in "".join(texts) or any(len(gap.cause) > 30 or len(gap.recovered) > 30 for gap in gaps):
        raise ValueError("a text that is none of ours")
    numbers = [number for one in notices for number in (one.session, one.seq) if number is not None]
    if any(one.seq is not None and abs(one.seq) >= 2**31 for one in notices):
        raise ValueError("a message number that is none of ours")
    if any(type(number) is not int or not -(2**63) <= number < 2**63 for number in (told or 0, *numbers)):
        raise ValueError("a number that is none of ours")
    for one in notices:
        instant(one.at)
    return gaps, unread, notices, told


def _age(sent: float | None) -> timedelta:
    if sent is not None:
        try:
            seconds, micros = _client().time()
            return timedelta(seconds=max(seconds + micros / 1e6 - sent, 0.0))
        except redis.RedisError as error:
            log.info("the age of a report is not known: %s", error)
    return timedelta(0)


def _client() -> redis.Redis:
    global _redis
    _redis = _redis or redis.Redis.from_url(settings.REDIS_URL, socket_timeout=10, socket_connect_timeout=5)
    return _redis


def _answer(spool: str, answer: dict[str, Any]) -> None:
    """A lost answer costs a second delivery, which the receipt makes harmless; so it never fails the task."""
    try:
        with _client().pipeline(transaction=False) as pipe:
            pipe.rpush(REPLY.format(spool), orjson.dumps(answer))
            pipe.expire(REPLY.format(spool), REPLIES_KEPT)
            pipe.execute()
    except redis.RedisError as error:
        log.warning("no answer to runner %s: %s", spool, error)
