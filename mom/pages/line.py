"""The line page: on plan, what costs most, who has it; the shift machine by machine; what waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from mom.pages import board, svg
from mom.pages.etags import POLLED, answer_304, etag_of, with_etag
from mom.pages.lookup import line_or_404
from mom.pages.losses import Losses
from mom.pages.reading import LineReading, line_reading
from mom.questions import seven_questions
from plant import selectors
from plant.access import Actor, actor_of, require


@dataclass(frozen=True, slots=True)
class LineBoard:
    """One line as its page shows it to one reader."""

    reading: LineReading
    order: board.OrderView | None
    losses: Losses | None
    loss_rows: list[board.LossView]
    owners: list[board.Owner]
    lanes: list[board.LaneView]
    order_lane: Any
    axis: Any
    uncoded: list[board.StopView]
    next_orders: list[board.OrderView]
    figure: board.Figure | None
    state: str
    since: datetime | None
    may_code: bool
    may_act: bool

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reading, name)

    @property
    def action_equipment(self) -> str:
        where = self.reading.constraint or self.reading.line
        return where.code

    @property
    def action_reason(self) -> str:
        return next((row.reason_code for row in self.loss_rows if row.reason_code), "")

    @property
    def evidence(self) -> str:
        return self.loss_rows[0].href if self.loss_rows else f"/lines/{self.reading.line.code}/"


def line_board(reading: LineReading, actor: Actor) -> LineBoard:
    names = board.names_for(reading)
    found = board.line_losses(reading)
    state, since = board.state_since(reading.account)
    return LineBoard(
        reading=reading,
        order=board.order_view(reading, reading.order),
        losses=found,
        loss_rows=board.loss_views(reading, found, names) if found else [],
        owners=board.owners(reading),
        lanes=[board.lane_view(reading, unit, names) for unit in reading.units],
        order_lane=board.order_lane(reading),
        axis=svg.axis(reading.window, reading.zone),
        uncoded=board.uncoded(reading),
        next_orders=board.next_orders(reading),
        figure=board.figure(reading),
        state=state,
        since=since,
        may_code=actor.may("stop.code", reading.line),
        may_act=actor.may("action.edit", reading.line),
    )


@require_safe
@require("view")
def line(request: HttpRequest, code: str) -> HttpResponse:
    """The whole page, or, polled, its changing part; unchanged since the reader's copy answers 304."""
    now = timezone.now()
    place = line_or_404(request, code)
    revision = selectors.revision_of(place.pk)
    etag = etag_of(request, revision, now)
    if unchanged := answer_304(request, etag):
        return unchanged
    reading = line_reading(place, revision=revision, now=now)
    context = {"board": line_board(reading, actor_of(request)), "etag": etag}
    template = "mom/line_poll.html" if POLLED in request.headers else "mom/line.html"
    return with_etag(render(request, template, context), etag)


@require_safe
@require("view")
def line_questions(request: HttpRequest, code: str) -> HttpResponse:
    """The seven questions of the running order, as a part of the line page."""
    now = timezone.now()
    place = line_or_404(request, code)
    revision = selectors.revision_of(place.pk)
    etag = etag_of(request, revision, now)
    if unchanged := answer_304(request, etag):
        return unchanged
    order = line_reading(place, revision=revision, now=now).order
    context = {
        "line": place,
        "order": order,
        "questions": seven_questions(job_order_id=order.pk, now=now) if order else (),
    }
    return with_etag(render(request, "mom/line_questions.html", context), etag)
