"""Whether a connection's values can be believed, on one page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from connectors import selectors, services
from connectors.domain.balance import Spool
from connectors.domain.trust import Disk, Evidence, Level, Missing, lasting, verdict
from connectors.models import Connection, RetiredHistory, SignalDefinition, SpoolReport
from connectors.selectors.imports import imports_of
from connectors.selectors.retired import retired_rows
from connectors.selectors.trust import evidence_of
from plant.access import actor_of, require

LEVELS = {
    Level.BELIEVE: (late("Believe"), "", "yes"),
    Level.CARE: (late("Believe with care"), "warn", "wait"),
    Level.REFUSE: (late("Do not believe"), "bad", "stop"),
}
MINUTES, WIDTH, HEIGHT = 60, 600, 64
RUNNER_SHOWN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Said:
    """A reason as read, with where its evidence is on the page."""

    text: str
    cause: str
    evidence: str
    grave: bool


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict as read: ``tone`` of the words, ``icon`` beside them."""

    level: str
    words: str
    tone: str
    icon: str
    reasons: list[Said]


@dataclass(frozen=True, slots=True)
class Bar:
    """One minute of the chart, in its coordinates."""

    x: float
    y: float
    height: float
    minute: datetime
    count: int


def grouped(number: int) -> str:
    """Thousands apart, as the reader's language has them."""
    return number_format(number, force_grouping=True)


def judged(found: Evidence, now: datetime) -> Judged:
    told = verdict(found, now)
    words, tone, icon = LEVELS[told.level]
    reasons = [
        Said(one.text.said(_, grouped), one.cause, one.evidence, one.level == Level.REFUSE)
        for one in told.reasons
    ]
    return Judged(told.level.value, str(words), tone, icon, reasons)


@require_GET
@require("view")
def connection_trust(request: HttpRequest, slug: str) -> HttpResponse:
    actor, now = actor_of(request), timezone.now()
    connection: Connection = get_object_or_404(selectors.connections_visible(actor), slug=slug)
    found = evidence_of(connections=[connection], now=now)[connection.pk]
    context = {
        "connection": connection,
        "judged": judged(found, now),
        "found": found,
        "balance": found.balance,
        "gaps": [(gap, lasting(gap.lasted(now))) for gap in found.gaps],
        "stuck": [(one, lasting(one.running), lasting(one.usual)) for one in found.stuck],
        "delay": found.delay and [lasting_fine(seconds) for seconds in found.delay],
        "clock": _clock(found.least_delay),
        "missing": _missing(found.gaps),
        "disks": [
            (disk, round(disk.share * 100), disk.free and disk.free / 1e9, _left(disk))
            for disk in found.disks
        ],
        "runners": [_runner(one, now) for one in found.spools if _is_told(one, now)],
        "waiting_since": _waiting_since(found.spools),
        "may_edit": actor.may("connection.edit", connection.site),
        "bars": _bars(found.rate, now),
        "rate": round(sum(found.rate.values()) / MINUTES),
        "most": max(found.rate.values(), default=0),
        "retired": _dropped(connection.pk),
        "imports": imports_of(connection_id=connection.pk, now=now),
        "now": now,
        "width": WIDTH,
        "height": HEIGHT,
    }
    return render(request, "connectors/connection_trust.html", context)


@require_POST
@require("connection.edit")
def spool_write_off(request: HttpRequest, slug: str, spool: UUID) -> HttpResponse:
    """A runner's disk is gone: what it held is declared lost, for every connection it owed to."""
    actor = actor_of(request)
    connection = get_object_or_404(selectors.connections_visible(actor), slug=slug)
    if not SpoolReport.objects.filter(connection=connection, spool=spool).exists():
        raise Http404
    try:
        count = services.spool_write_off(
            spool=spool, why=request.POST.get("why", ""), by=actor, now=timezone.now()
        )
    except services.CannotWriteOff as error:
        messages.error(request, error.said(_, grouped))
    else:
        done = _("Written off: %(count)s values, recorded as a gap.")
        messages.success(request, done % {"count": grouped(count)})
    return redirect(f"{reverse('connection_trust', args=[slug])}#runners")


@dataclass(frozen=True, slots=True)
class Runner:
    """A runner's disk as read; ``may_go``: it is silent and owes something, so it can be written off."""

    spool: Spool
    is_silent: bool
    may_go: bool


def _runner(one: Spool, now: datetime) -> Runner:
    silent = one.is_silent(now)
    return Runner(one, silent, silent and one.is_owing)


def _is_told(one: Spool, now: datetime) -> bool:
    """What reports, owes, or was written off; not the emptied disk of a runner that was taken away."""
    return now - one.heard_at < RUNNER_SHOWN or one.is_owing or one.lost > 0


def _waiting_since(spools: Iterable[Spool]) -> datetime | None:
    waiting = (one.since or one.heard_at for one in spools if one.waiting and one.lost_at is None)
    return min(waiting, default=None)


def _dropped(connection_id: int) -> list[tuple[RetiredHistory, SignalDefinition | None]]:
    """The latest of what was dropped, with whose it was; a signal that is no longer mapped has no name."""
    rows = retired_rows(connection_id=connection_id)
    signals = SignalDefinition.objects.select_related("equipment").in_bulk({row.signal_id for row in rows})
    return [(row, signals.get(row.signal_id)) for row in rows]


def lasting_fine(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else lasting(timedelta(seconds=seconds))


def _clock(least: float | None) -> str:
    """The source's clock against ours, as far as arrival can tell: a value arrives after it was taken."""
    if least is None:
        return _("no value in the last 15 minutes")
    if least < -0.05:
        return _("%(time)s ahead of ours") % {"time": lasting_fine(-least)}
    return _("not ahead; its quickest value took %(time)s") % {"time": lasting_fine(max(least, 0.0))}


def _left(disk: Disk) -> str:
    if disk.filling is None:
        return ""
    if disk.filling.days is None:
        return _("not within a year")
    days = max(round(disk.filling.days), 1)
    said = ngettext("in about %(days)d day", "in about %(days)d days", days)
    return said % {"days": days}


def _missing(gaps: tuple[Missing, ...]) -> tuple[int, int]:
    """Gaps going on, and closed without their values."""
    going = sum(1 for gap in gaps if gap.end_time is None)
    return going, sum(1 for gap in gaps if gap.end_time is not None and not gap.recovered)


def _bars(rate: Mapping[datetime, int], now: datetime) -> list[Bar]:
    this = now.replace(second=0, microsecond=0)
    highest = max(rate.values(), default=0) or 1
    width = WIDTH / MINUTES
    found = []
    for number in range(MINUTES):
        minute = this - timedelta(minutes=MINUTES - 1 - number)
        count = rate.get(minute, 0)
        height = HEIGHT * count / highest
        found.append(
            Bar(round(number * width, 1), round(HEIGHT - height, 1), round(height, 1), minute, count)
        )
    return found
