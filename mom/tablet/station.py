"""The station screen: the order, the machines, what needs a reason. Reading it needs nobody signed in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils import timezone

from mom.calls.selectors import CallTold, calls_shown
from mom.pages.board import state_since
from mom.pages.etags import POLLED, answer_304, etag_of, with_etag
from mom.pages.reading import LineReading, line_reading
from mom.pages.words import piece_word, state_kind, state_word
from mom.tablet import session
from mom.tablet.checks import checks_here
from mom.tablet.instructions import unread
from mom.tablet.orders import Verb, verbs_of
from mom.tablet.page import orders_running, page
from mom.tablet.people import people_here
from mom.tablet.work import WorkTile, work_tiles
from plant import selectors
from plant.access import Actor, actor_of
from plant.domain.quantities import ratio
from production import selectors as production
from production.domain.account import Account, Segment
from production.domain.stops import ASKED, MICRO
from production.domain.time_model import MICRO_STOP, UNKNOWN

if TYPE_CHECKING:
    from mom.tablet.session import Station
    from plant.models import Equipment
    from production.models import JobOrder, Stop

SHOWN = 3
# Operators give reasons for a day; after that a supervisor does, with a comment.
LATE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class OrderCard:
    code: str
    product: str
    state: str
    quantity: Decimal
    unit: str
    good: Decimal | None
    scrap: Decimal | None
    due: datetime | None
    share: Decimal | None
    verbs: list[Verb]

    @property
    def bar(self) -> float:
        """Width of the progress bar in percent; more than asked for fills it."""
        return 0.0 if self.share is None else round(float(min(self.share, Decimal(1)) * 100), 1)


@dataclass(frozen=True, slots=True)
class MachineChip:
    code: str
    name: str
    kind: str
    word: str
    since: datetime | None
    stop_id: str
    """The stop going on, which can be given its reason before it is long enough to ask for one."""


@dataclass(frozen=True, slots=True)
class StopTile:
    id: str
    machine: str
    start: datetime
    end: datetime | None
    seconds: int
    fault_code: str
    fault_text: str = ""


@dataclass(frozen=True, slots=True)
class MicroStops:
    """The micro-stops of the shift, told as a group: they never prompt and never vanish."""

    count: int
    seconds: int


@dataclass(frozen=True, slots=True)
class StationView:
    order: OrderCard | None
    next_orders: list[JobOrder]
    machines: list[MachineChip]
    uncoded: list[StopTile]
    uncoded_count: int
    micro: MicroStops
    checks_due: int
    has_data: bool
    calls: list[CallTold]
    works: list[WorkTile]
    people: list[str]
    to_read: int
    others: list[JobOrder]
    """Orders that run at the same time as the one shown."""

    @property
    def uncoded_more(self) -> int:
        return self.uncoded_count - len(self.uncoded)


@session.reads
def station(request: HttpRequest) -> HttpResponseBase:
    """The whole screen, or, polled, its changing part; unchanged since the tablet's copy answers 304."""
    found = session.station_of(request)
    if found is None:
        return redirect("tablet_start")
    now = timezone.now()
    revision = selectors.revision_of(found.line.pk)
    etag = etag_of(request, f"{revision} {found.equipment.pk} {actor_of(request).person_id}", now)
    if unchanged := answer_304(request, etag):
        return unchanged
    reading = line_reading(found.line, revision=revision, now=now)
    view = station_view(found, reading, actor_of(request), now)
    template = "mom/tablet_station_live.html" if POLLED in request.headers else "mom/tablet_station.html"
    answer: HttpResponse = page(request, template, found, view=view, etag=etag)
    return with_etag(answer, etag)


def station_view(found: Station, reading: LineReading, actor: Actor, now: datetime) -> StationView:
    waiting = stops_waiting(found, actor, now)
    units = units_of(found)
    going_on = _stops_going_on(units, actor)
    order = reading.order
    at_work = orders_running(found, now) if order else []
    return StationView(
        order=_order_card(order, reading, now) if order else None,
        next_orders=[]
        if order
        else [each for each in reading.orders if each.state == "allowed_to_start"][:3],
        machines=[
            _chip(unit, reading.accounts.get(unit.pk), going_on.get(unit.pk, ""))
            for unit in units
            if not unit.is_manual
        ],
        uncoded=stop_tiles(waiting[:SHOWN], now),
        uncoded_count=waiting.count(),
        micro=micro_stops([reading.accounts[unit.pk] for unit in units if unit.pk in reading.accounts]),
        checks_due=sum(tile.is_due for tile in checks_here(found, now)),
        has_data=any(unit.pk in reading.accounts for unit in units),
        calls=_calls(found, actor, now),
        works=work_tiles(units, going_on, now),
        people=[each.person.name or each.person.badge for each in people_here(found, now)],
        to_read=unread(found, at_work, actor, now),
        others=[each for each in at_work if order and each.pk != order.pk],
    )


def _calls(found: Station, actor: Actor, now: datetime) -> list[CallTold]:
    """What was called from here and is not done yet, oldest first."""
    told = calls_shown(actor, now=now, path=found.equipment.path)
    return [each for each in told if each.resolved_at is None]


def units_of(found: Station) -> list[Equipment]:
    """The machine the tablet stands at, or all of its line."""
    return [unit for unit in found.units if unit.path.startswith(found.equipment.path)]


def stops_waiting(found: Station, actor: Actor, now: datetime) -> Any:
    """Stops of the station's machines of the last day that wait for a reason, newest first."""
    ids = [unit.pk for unit in units_of(found)]
    return production.stops_uncoded(actor).filter(work_unit_id__in=ids, start_time__gte=now - LATE)


def _stops_going_on(units: list[Equipment], actor: Actor) -> dict[int, str]:
    every: QuerySet[Any] = production.stops(actor)
    found = every.filter(
        work_unit_id__in=[unit.pk for unit in units], end_time=None, base_class__in=ASKED, had_order=True
    )
    return {unit: str(pk) for unit, pk in found.values_list("work_unit_id", "pk")}


def stop_tiles(found: Iterable[Stop], now: datetime) -> list[StopTile]:
    """With the machine's own words of the fault each began with."""
    rows = list(found)
    texts = production.fault_texts(rows)
    return [_stop_tile(row, now, texts.get(row.pk, "")) for row in rows]


def _stop_tile(row: Stop, now: datetime, text: str) -> StopTile:
    seconds = round(((row.end_time or now) - row.start_time).total_seconds())
    name, time = row.work_unit.name, max(seconds, 0)
    return StopTile(str(row.pk), name, row.start_time, row.end_time, time, row.fault_code, text)


def micro_segments(told: Account) -> list[Segment]:
    """Time in micro-stops of the machine's own, with a reason given to the group or not."""
    return [
        segment
        for segment in told.segments
        if segment.stop_size == MICRO and (segment.time_class == MICRO_STOP or segment.reason_code)
    ]


def micro_stops(accounts: list[Account]) -> MicroStops:
    found = [micro_segments(told) for told in accounts]
    seconds = sum((segment.duration for segments in found for segment in segments), timedelta())
    count = sum(len({segment.stop_start for segment in segments}) for segments in found)
    return MicroStops(count, round(seconds.total_seconds()))


def _order_card(order: JobOrder, reading: LineReading, now: datetime) -> OrderCard:
    # A line of manual stations has no other count than what people enter.
    by_hand = {} if reading.good is not None else _said_counts(order)
    good = by_hand.get("good") if reading.good is None else reading.good
    return OrderCard(
        code=order.code,
        product=order.product.name,
        state=order.state,
        quantity=order.quantity,
        unit=piece_word(order.unit),
        good=good,
        scrap=by_hand.get("scrap") if by_hand else _scrap(order, reading, now),
        due=order.due_time or order.planned_end,
        share=ratio(good, order.quantity),
        verbs=verbs_of(order),
    )


def _said_counts(order: JobOrder) -> dict[str, Decimal]:
    found: dict[str, Decimal] = {}
    for entry in production.counts_said(job_order_id=order.pk):
        found[entry.kind] = found.get(entry.kind, Decimal(0)) + entry.quantity
    return found


def _scrap(order: JobOrder, reading: LineReading, now: datetime) -> Decimal | None:
    """What the line's machines scrapped while they worked on the order; None where none counts scrap."""
    counted = production.order_counts(job_order=order, units=reading.units, known_to=now)
    known = [part.scrap for parts in counted.values() for part in parts if part.scrap is not None]
    return sum(known, Decimal(0)) if known else None


def _chip(unit: Equipment, told: Account | None, stop_id: str) -> MachineChip:
    state, since = state_since(told)
    state = state or UNKNOWN
    return MachineChip(unit.code, unit.name, state_kind(state), state_word(state), since, stop_id)
