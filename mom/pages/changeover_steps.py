"""One changeover: its checklist ticked step by step, what was done while the line stood, and its phases."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from mom.pages.order_commands import order_or_404
from plant import selectors
from plant.access import actor_of, posts, require
from production import selectors as production
from production.domain.smed import smed
from production.selectors.changeover_steps import checklist, step_ticks, ticks_told
from production.selectors.changeovers import products_of
from production.selectors.lookups import job_order_running
from production.services.assertions import Refused
from production.services.changeover_steps import changeover_step_tick

if TYPE_CHECKING:
    from production.domain.changeover import Done
    from production.domain.smed import Smed
    from production.models import ChangeoverStep, ChangeoverStepAssertion, JobOrder

TICK = "stop.code"
# A changeover to an order is looked for so long before its start was told, and until now.
AROUND = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class StepShown:
    step: ChangeoverStep
    tick: ChangeoverStepAssertion | None
    time: timedelta | None
    is_over: bool


@dataclass(frozen=True, slots=True)
class ChangeoverTold:
    """The changeover to one order. ``before``: code of the order that gives way, empty where nobody knows;
    ``done`` and ``split`` None: the machine that paces the line has not run the order yet.
    """

    before: str
    done: Done | None
    steps: tuple[StepShown, ...]
    split: Smed | None


@posts(TICK)
def changeover(request: HttpRequest, code: str) -> HttpResponse:
    return _tick(request, code) if request.method == "POST" else _page(request, code)


@require_safe
@require("view")
def _page(request: HttpRequest, code: str) -> HttpResponse:
    """The changeover to one order, before, while and after it happens."""
    order = order_or_404(request, code)
    told = changeover_told(order, timezone.now())
    context = {
        "order": order,
        "before": told.before,
        "done": told.done,
        "zone": selectors.site_zone(order.line),
        "steps": told.steps,
        "split": told.split,
        "may_tick": actor_of(request).may(TICK, order.line),
    }
    return render(request, "mom/changeover.html", context)


def changeover_told(order: JobOrder, now: datetime) -> ChangeoverTold:
    done = done_to(order, now)
    before = done.from_order if done else _running_before(order, now)
    ticks = step_ticks(order_codes=[order.code]).get(order.code, [])
    by_code = {tick.step.code: tick for tick in ticks}
    return ChangeoverTold(
        before=before,
        done=done,
        steps=tuple(_shown(step, by_code.get(step.code)) for step in _steps(order, before)),
        split=smed(done.stood, ticks_told(ticks)) if done else None,
    )


def done_to(order: JobOrder, now: datetime) -> Done | None:
    """The changeover to an order as it happened on the machine that paces its line; None before."""
    if order.started_at is None:
        return None
    found = production.line_changeovers(
        line_id=order.line_id, start=order.started_at - AROUND, end=min(now, order.started_at + AROUND)
    )
    return next((item for item in found.done if item.to_order == order.code), None) if found else None


def _running_before(order: JobOrder, now: datetime) -> str:
    """The order that gives way to this one: the one that runs now, where it is another."""
    ids = [order.line_id, *(unit.pk for unit in selectors.line_work_units(order.line_id))]
    running = job_order_running(equipment_ids=ids, at=now)
    return running.code if running is not None and running.code != order.code else ""


def _steps(order: JobOrder, before: str) -> list[ChangeoverStep]:
    products = products_of([code for code in (before, order.code) if code])
    after = products.get(order.code)
    return checklist(line_id=order.line_id, before=products.get(before), after=after) if after else []


def _shown(step: ChangeoverStep, tick: ChangeoverStepAssertion | None) -> StepShown:
    known = tick is not None and tick.start_time is not None and tick.end_time is not None
    time = tick.end_time - tick.start_time if known else None  # type: ignore[union-attr, operator]
    over = time is not None and step.standard_time is not None and time > step.standard_time
    return StepShown(step, tick, time, over)


@require_POST
@require(TICK)
def _tick(request: HttpRequest, code: str) -> HttpResponse:
    order = order_or_404(request, code)
    given = request.POST.get("step", "")
    try:
        changeover_step_tick(
            job_order_id=order.pk,
            step_id=int(given) if given.isdecimal() else 0,
            act=request.POST.get("act", ""),
            by=actor_of(request),
            at=timezone.now(),
        )
    except Refused as refusal:
        messages.error(request, str(refusal))
    return redirect("changeover", code=code)
