"""The demo plant's first five minutes, as cards on the overview; nothing where no demo plant runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

import redis
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from mom.demo import control
from mom.pages.board import OrderView
from mom.pages.lookup import equipment_or_404, safe_next
from mom.pages.words import percent
from plant.access import require
from production.domain.states import EXECUTE

if TYPE_CHECKING:
    from plant.models import Equipment

STOP_SECONDS = 180  # long enough to need a reason


class CardLike(Protocol):
    @property
    def line(self) -> Equipment: ...

    @property
    def constraint(self) -> Equipment | None: ...

    @property
    def state(self) -> str: ...

    @property
    def order(self) -> OrderView | None: ...


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to try. ``post`` is a button, ``href`` a link; both empty while it cannot be done yet.

    ``done``: how far what is waited for is, in percent.
    """

    title: str
    text: str
    label: str
    href: str = ""
    post: str = ""
    done: int | None = None


def first_steps(cards: Sequence[CardLike]) -> list[Step]:
    """What to try now, as far as the demo plant has come."""
    progress = control.progress()
    if progress is None or not cards:
        return []
    if progress.get("phase") == "past":
        return [_catching_up(progress)]
    return _live_steps(cards)


def _catching_up(progress: dict[str, Any]) -> Step:
    share, begun = float(progress.get("share") or 0), datetime.fromisoformat(progress["start"])
    days = max(1, round((timezone.now() - begun) / timedelta(days=1)))
    text = ngettext(
        "%(n)d day of history is being told through the real interfaces: %(share)s so far.",
        "%(n)d days of history are being told through the real interfaces: %(share)s so far.",
        days,
    )
    words = {"n": days, "share": percent(share)}
    return Step(_("The demo plant is catching up"), text % words, "", done=round(100 * share))


def _live_steps(cards: Sequence[CardLike]) -> list[Step]:
    # The simulation stops machines; who works by hand is no part of it.
    known = [card for card in cards if card.constraint and not card.constraint.is_manual]
    # A line that runs: on one that is closed for the night the button would change nothing to look at.
    first = next((card for card in known if card.state == EXECUTE), known[0] if known else None)
    if first is None or first.constraint is None:
        return []
    machine = first.constraint
    stop = Step(
        _("Stop a machine"),
        _("The simulated %(machine)s stops for three minutes; its lane turns red within seconds.")
        % {"machine": machine.name},
        _("Stop %(machine)s") % {"machine": machine.code},
        post=reverse("demo_stop", args=[machine.code]),
    )
    why = Step(
        _("Say why"),
        _("Give the stop a reason here, or on a tablet in two taps."),
        _("Stops without a reason"),
        href="/stops/?uncoded=1",
    )
    see = Step(
        _("See where the time went"),
        _("Every second of the shift has one class; the check below the table says 0 s."),
        _("Open %(machine)s") % {"machine": machine.code},
        href=f"/equipment/{machine.code}/#time",
    )
    api = Step(
        _("Ask the API"),
        _("The same rows for programs, with a page to try them on without the internet."),
        _("Open the API"),
        href="/api/docs/",
    )
    return [stop, why, see, *_record_step(first.order), *_by_hand(cards), api]


def _by_hand(cards: Sequence[CardLike]) -> list[Step]:
    """The line worked without a signal, where the plant has one."""
    for card in cards:
        station = card.constraint
        if station is not None and station.is_manual:
            text = _(
                "People say on the tablet when work starts and stops, and count: two orders at once, "
                "an instruction to read. Its link is in the terminal."
            )
            href = reverse("line", args=[card.line.code])
            return [Step(_("Work without a signal"), text, station.name, href=href)]
    return []


def _record_step(order: OrderView | None) -> list[Step]:
    if order is None:
        return []
    text = _("Planned, executed, lost, why, from which lot, with what quality, and who decided: one page.")
    return [Step(_("Open the order's record"), text, order.code, href=f"/orders/{order.code}/")]


@require_POST
@require("order.plan")
def demo_stop(request: HttpRequest, code: str) -> HttpResponse:
    """Press stop on a simulated machine. Has no effect on a real one: only the demo plant listens."""
    machine = equipment_or_404(request, code)
    try:
        control.machine_stop(machine.code, STOP_SECONDS)
        words = {"machine": machine.name, "n": STOP_SECONDS // 60}
        messages.info(request, _("%(machine)s of the demo plant is being stopped for %(n)d minutes.") % words)
    except redis.RedisError:
        messages.error(request, _("The demo plant cannot be reached: its message queue does not answer."))
    return redirect(safe_next(request, "/"))


@require_POST
@require("order.plan")
def demo_switch(request: HttpRequest) -> HttpResponse:
    """Pause the demo plant, or let it go on."""
    try:
        control.switch(on=request.POST.get("on") == "1")
    except redis.RedisError:
        messages.error(request, _("The demo plant cannot be reached: its message queue does not answer."))
    return redirect("/")
