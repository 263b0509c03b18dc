"""One list of checks for `manage.py doctor`, the page `/health` and the probe `/readyz`.

Each check says what it found and, unless all is well, what to type. A check that fails does not end the list.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import redis
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from redis.backoff import NoBackoff
from redis.retry import Retry

from connectors.selectors import connections_visible
from connectors.selectors.disks import database_disk, spool_disks
from connectors.spool import RESERVE_SUFFIX
from mom.tasks import HEARTBEAT_KEY
from plant.access import Actor, scoped

CLOCK_WARN = timedelta(seconds=2)
CLOCK_FAIL = timedelta(seconds=30)
DISK_WARN_PERCENT = (70, 85)
DISK_FAIL_PERCENT = 95
BEAT_LATE_SECONDS = 150
SILENT_AFTER = timedelta(minutes=10)
WORKER_ANSWER_SECONDS = 1.5
SOCKET_SECONDS = 2.0


class Status(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found; `fix` is a command or a place to look, empty when nothing is wrong."""

    check: str
    status: Status
    cause: str
    fix: str = ""


Check = Callable[[], Finding]


def findings(checks: tuple[tuple[str, Check], ...] | None = None) -> list[Finding]:
    """Every check's answer, in order; a check that itself breaks is a failure with its message."""
    return [_run(code, check) for code, check in (checks or CHECKS)]


def findings_for(actor: Actor) -> list[Finding]:
    """The same, naming only connections of sites this person may see."""
    narrowed = {
        "connections": partial(check_connections, actor),
        "quarantine": partial(check_quarantine, actor),
        "stitching": partial(check_stitching, actor),
    }
    return findings(tuple((code, narrowed.get(code, check)) for code, check in CHECKS))


def ready() -> list[Finding]:
    """The few checks without which no page can be served; quick enough for a load balancer's probe."""
    return findings(tuple(pair for pair in CHECKS if pair[0] in NEEDED_TO_SERVE))


def worst(found: list[Finding]) -> Status:
    order = list(Status)
    return max((finding.status for finding in found), key=order.index, default=Status.OK)


def _run(code: str, check: Check) -> Finding:
    try:
        return check()
    except Exception as fault:  # a list that ends at its first broken check helps nobody
        first_line = str(fault).strip().partition("\n")[0]
        return Finding(code, Status.FAIL, first_line or type(fault).__name__, FIXES.get(code, "make doctor"))


FIXES = {
    "database": "make run, or correct DATABASE_URL",
    "migrations": "MOM_DB_ROLE=owner manage.py migrate",
    "database_role": "MOM_DB_ROLE=owner manage.py migrate; DATABASE_URL must name the application role",
    "redis": "make run, or correct REDIS_URL",
    "workers": "celery -A mom worker --queues ingest,stitch,default",
    "beat": "celery -A mom beat",
    "connections": "manage.py run_connector --all",
    "disk": "open /connections/ and the data trust of each connection",
    "quarantine": "open /connections/",
    "stitching": "manage.py rebuild --equipment CODE; the log of the worker says more",
}


def check_database() -> Finding:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('server_version'), current_user")
        version, role = cursor.fetchone()
    return Finding("database", Status.OK, f"PostgreSQL {version}, {role}")


def check_migrations() -> Finding:
    executor = MigrationExecutor(connection)
    pending = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if not pending:
        return Finding("migrations", Status.OK, _("none pending"))
    names = ", ".join(f"{migration.app_label}.{migration.name}" for migration, _backwards in pending[:3])
    count = len(pending)
    cause = ngettext("%(n)d pending: %(names)s", "%(n)d pending: %(names)s …", count)
    return Finding("migrations", Status.FAIL, cause % {"n": count, "names": names}, FIXES["migrations"])


def check_database_role() -> Finding:
    """The application's role must not be able to rewrite what was recorded, whatever the program asks for."""
    tables = sorted(
        model._meta.db_table for model in apps.get_models() if getattr(model, "append_only", False)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relname = ANY(%s) AND relnamespace = 'public'::regnamespace"
            " AND (has_table_privilege(oid, 'UPDATE') OR has_table_privilege(oid, 'DELETE')) ORDER BY 1",
            [tables],
        )
        writable = [row[0] for row in cursor.fetchall()]
    if not writable:
        cause = _("%(n)d tables of facts can only be added to") % {"n": len(tables)}
        return Finding("database_role", Status.OK, cause)
    cause = _("this role may change recorded facts: %(tables)s") % {"tables": ", ".join(writable[:3])}
    return Finding("database_role", Status.FAIL, cause, FIXES["database_role"])


@contextlib.contextmanager
def _redis_client() -> Iterator[redis.Redis]:
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=SOCKET_SECONDS,
        socket_timeout=SOCKET_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        yield client
    finally:
        client.close()


def check_redis() -> Finding:
    with _redis_client() as client:
        client.ping()
    return Finding("redis", Status.OK, _("answers"))


def check_workers() -> Finding:
    from mom.celery import app

    # Celery's own connection retries for a long time: without Redis there is nothing to ask.
    with _redis_client() as client:
        client.ping()
    answers = app.control.ping(timeout=WORKER_ANSWER_SECONDS)
    if not answers:
        return Finding("workers", Status.FAIL, _("no worker answers"), FIXES["workers"])
    names = ", ".join(sorted(name for answer in answers for name in answer))
    return Finding("workers", Status.OK, names)


def check_beat() -> Finding:
    with _redis_client() as client:
        raw = client.get(HEARTBEAT_KEY)
    if raw is None:
        cause = _("no heartbeat yet: it comes within a minute of the start")
        return Finding("beat", Status.WARN, cause, FIXES["beat"])
    age = max(0, int(time.time()) - int(str(raw, "ascii") if isinstance(raw, bytes) else str(raw)))
    cause = _("last heartbeat %(n)d s ago") % {"n": age}
    if age > BEAT_LATE_SECONDS:
        return Finding("beat", Status.FAIL, cause, FIXES["beat"])
    return Finding("beat", Status.OK, cause)


def check_clock() -> Finding:
    before = datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (theirs,) = cursor.fetchone()
    middle = before + (datetime.now(UTC) - before) / 2
    skew = abs(theirs - middle)
    cause = _("%(n).1f s apart from the database") % {"n": skew.total_seconds()}
    if skew >= CLOCK_WARN:
        status = Status.FAIL if skew >= CLOCK_FAIL else Status.WARN
        return Finding("clock", status, cause, "timedatectl set-ntp true")
    return Finding("clock", Status.OK, cause)


def check_disk() -> Finding:
    folder = settings.DATA_DIR if settings.DATA_DIR.exists() else settings.BASE_DIR
    usage = shutil.disk_usage(folder)
    for reserve in sorted(folder.glob(f"spool/*{RESERVE_SUFFIX}")):
        if reserve.stat().st_size == 0:
            cause = _("no room for %(spool)s: sources are no longer acknowledged, nothing is lost")
            cause %= {"spool": reserve.with_suffix("").name}
            return Finding("disk", Status.FAIL, cause, f"du -xh {folder} | sort -h | tail")
    own = disk_judge(percent=100 * usage.used / (usage.used + usage.free), free=usage.free, where=str(folder))
    return max([own, *_other_disks(folder)], key=lambda found: list(Status).index(found.status))


def _other_disks(folder: Path) -> list[Finding]:
    """The database's, where it is on this host and not the same disk, and those the runners reported."""
    found = []
    for disk in [database_disk(), *spool_disks()]:
        if disk is None or (disk.kind == "database" and os.stat(disk.where).st_dev == folder.stat().st_dev):
            continue
        if disk.full:
            cause = _("no room for %(spool)s: sources are no longer acknowledged, nothing is lost")
            found.append(Finding("disk", Status.FAIL, cause % {"spool": disk.where}, FIXES["disk"]))
        elif disk.share:
            found.append(disk_judge(percent=100 * disk.share, free=disk.free or 0, where=disk.where))
    return found


def disk_judge(*, percent: float, free: int, where: str) -> Finding:
    """Alarms at 70, 85 and 95 % full, however large the disk."""
    cause = _("%(p)d %% full, %(g).1f GB free at %(where)s; alarms at 70, 85 and 95 %%")
    cause = cause % {"p": percent, "g": free / 1e9, "where": where}
    if percent >= DISK_FAIL_PERCENT:
        return Finding("disk", Status.FAIL, cause, f"du -xh {where} | sort -h | tail")
    if percent >= DISK_WARN_PERCENT[1]:
        cause = _("%(cause)s: make room today") % {"cause": cause}
    if percent >= DISK_WARN_PERCENT[0]:
        return Finding("disk", Status.WARN, cause, f"du -xh {where} | sort -h | tail")
    return Finding("disk", Status.OK, cause)


def check_connections(actor: Actor | None = None) -> Finding:
    """When each enabled connection last brought a value; silence of all of them is a failure."""
    now = datetime.now(UTC)
    heard = connections_heard(actor)
    if not heard:
        return Finding("connections", Status.WARN, _("no connection is enabled"), "open /connections/")
    silent = {slug: last for slug, last in heard.items() if last is None or now - last > SILENT_AFTER}
    if not silent:
        said = "; ".join(_age(slug, last, now) for slug, last in heard.items())
        return Finding("connections", Status.OK, said)
    status = Status.FAIL if len(silent) == len(heard) else Status.WARN
    said = "; ".join(_age(slug, last, now) for slug, last in silent.items())
    return Finding("connections", status, said, FIXES["connections"])


def connections_heard(actor: Actor | None = None) -> dict[str, datetime | None]:
    """Slug of each enabled connection → arrival (UTC) of the latest value of its signals, None if never.

    What a signal said weeks ago is packed; its newest day tells of it.
    """
    enabled = _connections(actor).filter(enabled=True)
    signals = apps.get_model("connectors", "SignalDefinition").objects.filter(connection__in=enabled)
    samples = apps.get_model("connectors", "SignalSample").objects.filter(signal_id=OuterRef("pk"))
    packed = apps.get_model("connectors", "SampleSegment").objects.filter(signal_id=OuterRef("pk"))
    latest = Coalesce(
        Subquery(samples.order_by("-source_time").values("arrival_time")[:1]),
        Subquery(packed.order_by("-last_time").values("last_arrival")[:1]),
    )
    heard: dict[str, datetime | None] = dict.fromkeys(enabled.values_list("slug", flat=True))
    for slug, last in signals.annotate(last=latest).values_list("connection__slug", "last"):
        if last is not None and (heard[slug] is None or last > heard[slug]):
            heard[slug] = last
    return heard


def _age(slug: str, last: datetime | None, now: datetime) -> str:
    if last is None:
        return _("%(slug)s: never") % {"slug": slug}
    return _("%(slug)s: %(n)d s ago") % {"slug": slug, "n": max(0, (now - last).total_seconds())}


def _connections(actor: Actor | None) -> QuerySet[Any]:
    everything = apps.get_model("connectors", "Connection").objects.all()
    return everything if actor is None else connections_visible(actor)


def check_quarantine(actor: Actor | None = None) -> Finding:
    kept = apps.get_model("connectors", "QuarantinedMessage").objects.filter(status="open")
    unread = kept.filter(connection__in=_connections(actor)).count()
    if not unread:
        return Finding("quarantine", Status.OK, _("empty"))
    cause = ngettext("%(n)d message nobody could read", "%(n)d messages nobody could read", unread)
    return Finding("quarantine", Status.WARN, cause % {"n": unread}, FIXES["quarantine"])


def check_stitching(actor: Actor | None = None) -> Finding:
    """Machines whose values are stored and cannot be folded into states, stops and counts."""
    failed = apps.get_model("production", "StitchFailure").objects.select_related("work_unit")
    if actor is not None:
        failed = scoped(failed, actor, path="work_unit__path")
    told = [
        _("%(unit)s since %(at)s: %(error)s")
        % {"unit": row.work_unit.code, "at": f"{row.failed_since:%Y-%m-%d %H:%M} UTC", "error": row.error}
        for row in failed.order_by("failed_since")
    ]
    if not told:
        return Finding("stitching", Status.OK, _("every machine's values are folded"))
    return Finding("stitching", Status.FAIL, "; ".join(told), FIXES["stitching"])


CHECKS: tuple[tuple[str, Check], ...] = (
    ("database", check_database),
    ("migrations", check_migrations),
    ("database_role", check_database_role),
    ("redis", check_redis),
    ("workers", check_workers),
    ("beat", check_beat),
    ("clock", check_clock),
    ("disk", check_disk),
    ("connections", check_connections),
    ("quarantine", check_quarantine),
    ("stitching", check_stitching),
)
NEEDED_TO_SERVE = frozenset({"database", "migrations", "redis"})
