"""The line page: on plan, what costs most, who has it; the shift machine by machine; what waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from mom.pages import at_work, board, svg
from mom.pages import owners as taken
from mom.pages.etags import POLLED, answer_304, etag_of, reader_of, with_etag
from mom.pages.lookup import line_or_404
from mom.pages.losses import Losses
from mom.pages.reading import LineReading, held, kept, line_kpi, line_reading, version_of
from mom.questions import seven_questions
from plant.access import actor_of, require

if TYPE_CHECKING:
    from mom.record.model import Answer
    from plant.models import Equipment
    from plant.selectors import Polled
    from production.models import JobOrder


_drawing: dict[int, Lock] = {}


@dataclass(frozen=True, slots=True)
class LineBoard:
    """One line as its page shows it to one reader."""

    reading: LineReading
    order: board.OrderView | None
    losses: Losses | None
    loss_rows: list[board.LossView]
    owners: list[taken.Owner]
    lanes: list[board.LaneView]
    order_lane: Any
    axis: Any
    uncoded: list[board.StopView]
    next_orders: list[board.OrderView]
    beside: list[board.OrderView]
    state: str
    since: datetime | None
    silent: bool
    unheard: timedelta

    def __getattr__(self, name: str) -> Any:
        return getattr(self.reading, name)

    @property
    def _acted_on(self) -> board.LossView | None:
        """The dearest loss somebody gave a reason for, else the dearest."""
        named = (row for row in self.loss_rows if row.reason_code)
        return next(named, self.loss_rows[0] if self.loss_rows else None)

    @property
    def action_equipment(self) -> str:
        row = self._acted_on
        where = self.reading.constraint or self.reading.line
        return row.machine_code if row and row.machine_code else where.code

    @property
    def action_reason(self) -> str:
        return self._acted_on.reason_code if self._acted_on else ""

    @property
    def evidence(self) -> str:
        return self.loss_rows[0].href if self.loss_rows else f"/lines/{self.reading.line.code}/"


def line_board(reading: LineReading, *, revision: str) -> LineBoard:
    """The board in the active language, kept like the reading it is made from."""
    version = version_of(revision, reading.now)
    return kept(f"board {get_language()}", reading.line, version, lambda: _board(reading))


def _board(reading: LineReading) -> LineBoard:
    names = board.names_for(reading)
    found = board.line_losses(reading)
    rows = board.loss_views(reading, found, names) if found else []
    state, since = board.state_since(reading.account) if reading.constraint else ("", None)
    return LineBoard(
        reading=reading,
        order=board.order_view(reading, reading.order),
        losses=found,
        loss_rows=rows,
        owners=taken.owners(reading, rows[0] if rows else None),
        lanes=[board.lane_view(reading, unit, names) for unit in reading.units],
        order_lane=at_work.order_lane(reading),
        axis=svg.axis(reading.window, reading.zone),
        uncoded=board.uncoded(reading),
        next_orders=at_work.next_orders(reading),
        beside=at_work.orders_beside(reading),
        state=state,
        since=since,
        silent=board.is_silent(reading.account),
        unheard=board.unheard(reading.account),
    )


@require_safe
@require("view")
def line(request: HttpRequest, code: str) -> HttpResponse:
    """The whole page, or, polled, its changing part; unchanged since the reader's copy answers 304."""
    now = timezone.now()
    place = line_or_404(request, code)
    revision: str = place.revision  # type: ignore[attr-defined]
    etag = etag_of(request, revision, now)
    if unchanged := answer_304(request, etag):
        return unchanged
    if POLLED not in request.headers or request.GET:
        template = "mom/line_poll.html" if POLLED in request.headers else "mom/line.html"
        return with_etag(_rendered(request, place, template, etag, now), etag)
    # All who watch a line wait for one drawing of it, instead of each making their own at the same time.
    with _drawing.setdefault(place.pk, Lock()):
        body = kept(
            _drawn_for(request),
            place,
            version_of(revision, now),
            lambda: _rendered(request, place, "mom/line_poll.html", etag, now).content,
        )
    return with_etag(HttpResponse(body), etag)


def drawing_held(request: HttpRequest, polled: Polled, etag: str, now: datetime) -> HttpResponse | None:
    """The drawing of the line as it is, for those who come after the first; None where it is to be made."""
    if request.GET:
        return None
    body = held(_drawn_for(request), polled.line_id, polled.path, version_of(polled.revision, now))
    return None if body is None else with_etag(HttpResponse(body), etag)


def _drawn_for(request: HttpRequest) -> str:
    return f"poll {reader_of(request)}"


def _rendered(
    request: HttpRequest, place: Equipment, template: str, etag: str, now: datetime
) -> HttpResponse:
    revision: str = place.revision  # type: ignore[attr-defined]
    actor = actor_of(request)
    context = {
        "board": line_board(line_reading(place, revision=revision, now=now), revision=revision),
        "etag": etag,
        "may_code": actor.may("stop.code", place),
        "may_act": actor.may("action.edit", place),
    }
    return render(request, template, context)


@require_safe
@require("view")
def line_questions(request: HttpRequest, code: str) -> HttpResponse:
    """The line's figure and its order's seven questions: parts of the line page that come after it."""
    now = timezone.now()
    place = line_or_404(request, code)
    revision: str = place.revision  # type: ignore[attr-defined]
    etag = etag_of(request, revision, now)
    if unchanged := answer_304(request, etag):
        return unchanged
    reading = line_reading(place, revision=revision, now=now)
    order = reading.order
    context = {
        "line": place,
        "order": order,
        "figure": board.figure(reading, line_kpi(reading, revision=revision)),
        "questions": _questions(reading, order, revision) if order else (),
    }
    return with_etag(render(request, "mom/line_questions.html", context), etag)


def _questions(reading: LineReading, order: JobOrder, revision: str) -> tuple[Answer, ...]:
    return kept(
        f"questions {get_language()}",
        reading.line,
        version_of(revision, reading.now),
        lambda: seven_questions(job_order_id=order.pk, now=reading.now, uncoded=_waiting(reading, order)),
    )


def _waiting(reading: LineReading, order: JobOrder) -> int:
    """Of the stops the page lists as waiting for a reason, those within the order's time."""
    start = order.started_at
    if start is None:
        return 0
    return sum(stop.end_time is None or stop.end_time > start for stop in reading.uncoded)
