"""The plant at a glance: every line as a card, and the line that loses most as one sentence."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mom.pages import board, svg, words
from mom.pages.at_work import orders_beside
from mom.pages.etags import POLLED, answer_304, etag_of, with_etag
from mom.pages.first_steps import first_steps
from mom.pages.lookup import lines_seen
from mom.pages.losses import Losses
from mom.pages.owners import Owner, owners
from mom.pages.reading import LineReading, line_kpi, lines_reading
from plant.access import Actor, actor_of, require

if TYPE_CHECKING:
    from plant.models import Equipment

# Below this a line is not called a problem: a line always loses a little.
WORTH_SAYING = Decimal("0.03")


@dataclass(frozen=True, slots=True)
class Machine:
    code: str
    name: str
    state: str
    kind: str


@dataclass(frozen=True, slots=True)
class Card:
    """One line in a few words."""

    line: Equipment
    zone: ZoneInfo
    constraint: Equipment | None
    state: str
    since: datetime | None
    order: board.OrderView | None
    beside: list[board.OrderView]
    top: board.LossView | None
    losses: Losses | None
    silent: bool
    owner: Owner | None
    uncoded: int
    machines: list[Machine]
    strip: Any
    axis: Any

    @property
    def lost_share(self) -> Decimal:
        share = self.losses.share if self.losses else None
        return share if share is not None else Decimal(0)


@dataclass(frozen=True, slots=True)
class Worst:
    """The line that loses most, as a sentence somebody can act on."""

    line: Equipment
    sentence: str
    how: str
    icon: str
    tone: str
    uncoded: int
    may_act: bool
    equipment_code: str
    reason_code: str


def card(reading: LineReading) -> Card:
    names = board.names_for(reading)
    found = board.line_losses(reading)
    rows = board.loss_views(reading, found, names) if found else []
    state, since = board.state_since(reading.account) if reading.constraint else ("", None)
    has_it = owners(reading, rows[0] if rows else None)
    return Card(
        line=reading.line,
        zone=reading.zone,
        constraint=reading.constraint,
        state=state,
        since=since,
        order=board.order_view(reading, reading.order),
        beside=orders_beside(reading),
        top=rows[0] if rows else None,
        losses=found,
        silent=board.is_silent(reading.account),
        owner=has_it[0] if has_it else None,
        uncoded=len(reading.uncoded),
        machines=[_machine(reading, unit) for unit in reading.units],
        strip=_strip(reading, names),
        axis=svg.axis(reading.window, reading.zone),
    )


def _machine(reading: LineReading, unit: Equipment) -> Machine:
    state, _since = board.state_since(reading.accounts.get(unit.pk))
    return Machine(unit.code, unit.name, state, words.state_kind(state))


def _strip(reading: LineReading, names: dict[str, str]) -> Any:
    """The pacing machine's lane; the card itself is the link."""
    if reading.constraint is None:
        return ""
    marks = board.segment_marks(reading.account, reading.constraint, reading.zone, names)
    bare = [svg.Mark(mark.start, mark.end, mark.kind, mark.title) for mark in marks]
    label = _("Shift of %(machine)s") % {"machine": reading.constraint.name}
    return svg.lane(
        bare, window=reading.window, zone=reading.zone, label=label, now=reading.now, height=30, pixels=700
    )


def worst(cards: list[Card], actor: Actor) -> Worst | None:
    """Of the lines meant to run now, that with the largest share of its time lost, if worth a sentence."""
    at_work = [card for card in cards if words.class_kind(card.state) != words.PLANNED]
    found = max(at_work, key=lambda c: c.lost_share, default=None)
    if found is None or found.top is None or found.constraint is None or found.lost_share < WORTH_SAYING:
        return None
    top, lost = found.top, found.losses.pieces_per_hour if found.losses else None
    machine = top.machine or found.constraint.name
    words_in = {"line": found.line.name, "machine": machine, "loss": top.what}
    if lost is not None:
        now = _("%(line)s is losing %(lost)s pieces/h – %(machine)s: %(loss)s")
        past = _("%(line)s has lost %(lost)s pieces/h this shift – the most to %(machine)s: %(loss)s")
        sentence = (now if top.going_on else past) % {**words_in, "lost": words.quantity(round(lost))}
    else:
        sentence = _("%(line)s has lost %(time)s this shift – %(machine)s: %(loss)s") % {
            **words_in,
            "time": words.span_minutes(found.losses.total if found.losses else timedelta()),
        }
    how = _(
        "All losses of %(machine)s, declared to pace the line, this shift so far, per hour it was meant to"
        " run; pieces at its ideal rate. The largest cause is named."
    )
    return Worst(
        line=found.line,
        sentence=sentence,
        how=how % {"machine": found.constraint.name},
        icon=top.icon,
        tone=top.tone,
        uncoded=found.uncoded,
        may_act=actor.may("action.edit", found.line),
        equipment_code=top.machine_code or found.constraint.code,
        reason_code=top.reason_code,
    )


def unheard(cards: list[Card]) -> list[str]:
    """Lines nothing is known of now: that none loses time cannot be said of them."""
    paced = (card for card in cards if card.constraint is not None)
    return [card.line.name for card in paced if words.state_kind(card.state) == words.UNKNOWN]


@require_safe
@require("view")
def overview(request: HttpRequest) -> HttpResponse:
    """Every line in the reader's scope; their revisions decide whether anything changed."""
    now, actor = timezone.now(), actor_of(request)
    revisions = _revisions(request)
    etag = etag_of(request, ",".join(map(str, revisions.values())), now)
    if unchanged := answer_304(request, etag):
        return unchanged
    readings = lines_reading(revisions, now=now)
    cards = sorted((card(reading) for reading in readings), key=lambda c: (-c.lost_share, c.line.code))
    context = {
        "cards": cards,
        "worst": worst(cards, actor),
        "unheard": unheard(cards),
        "etag": etag,
        "steps": first_steps(cards),
    }
    template = "mom/overview_live.html" if POLLED in request.headers else "mom/overview.html"
    return with_etag(render(request, template, context), etag)


@require_safe
@require("view")
def figures(request: HttpRequest) -> HttpResponse:
    """Each line's figure, as parts of the overview that come after it."""
    now = timezone.now()
    revisions = _revisions(request)
    etag = etag_of(request, ",".join(map(str, revisions.values())), now)
    if unchanged := answer_304(request, etag):
        return unchanged
    found = []
    for reading in lines_reading(revisions, now=now):
        kpi = line_kpi(reading, revision=reading.revision)
        found.append((reading.line.code, board.figure(reading, kpi)))
    return with_etag(render(request, "mom/overview_figures.html", {"figures": found}), etag)


def _revisions(request: HttpRequest) -> dict[Equipment, str]:
    return {line: line.revision for line in lines_seen(request)}  # type: ignore[attr-defined]
