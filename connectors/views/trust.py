"""Whether a connection's values can be believed, on one page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late
from django.views.decorators.http import require_GET

from connectors import selectors
from connectors.domain.trust import Evidence, Level, Missing, lasting, verdict
from connectors.models import Connection, RetiredHistory, SignalDefinition
from connectors.selectors.retired import retired_rows
from connectors.selectors.trust import evidence_of
from plant.access import actor_of, require

LEVELS = {
    Level.BELIEVE: (late("Believe"), "", "yes"),
    Level.CARE: (late("Believe with care"), "warn", "wait"),
    Level.REFUSE: (late("Do not believe"), "bad", "stop"),
}
MINUTES, WIDTH, HEIGHT = 60, 600, 64


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


def judged(found: Evidence, now: datetime) -> Judged:
    told = verdict(found, now)
    words, tone, icon = LEVELS[told.level]
    reasons = [
        Said(one.text.said(_), one.cause, one.evidence, one.level == Level.REFUSE) for one in told.reasons
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
        "disks": [(disk, round(disk.share * 100), disk.free and disk.free / 1e9) for disk in found.disks],
        "bars": _bars(found.rate, now),
        "rate": round(sum(found.rate.values()) / MINUTES),
        "most": max(found.rate.values(), default=0),
        "retired": _dropped(connection.pk),
        "now": now,
        "width": WIDTH,
        "height": HEIGHT,
    }
    return render(request, "connectors/connection_trust.html", context)


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
