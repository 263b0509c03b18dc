"""Sides of a comparison of orders: plan, output, time by class, causes, changeover, each with evidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from mom.pages.words import class_word
from mom.provenance.links import order_figure_href
from mom.record import origins, timing
from mom.record.compose import reason_names
from plant import selectors as plant
from plant.domain.intervals import Interval
from plant.domain.quantities import ratio
from production import selectors as production
from production.domain.account import Account
from production.domain.attribution import declared_constraint
from production.domain.changeover import Done, changeovers_done, standard_for
from production.domain.comparison import FEWEST, Run, Standing
from production.domain.line.losses import LOST
from production.domain.line.tracks import within
from production.domain.oee import seconds
from production.domain.time_model import UNKNOWN
from production.selectors.changeovers import products_of, standards_of
from production.selectors.comparison import order_standing, orders_by_code, scrap_of

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.models import JobOrder

THIS, BEST, MEDIAN = "this", "best", "median"
# How long before an order began the changeover to it is looked for.
BEFORE = timedelta(hours=24)
TOP = 5


@dataclass(frozen=True, slots=True)
class TimeShare:
    """One class of time of an order on the machine that paces the line."""

    time_class: str
    word: str
    seconds: int
    share: Decimal | None
    evidence: str
    share_evidence: str


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of lost time, told by where it started. ``figure``: what its seconds were made of."""

    word: str
    seconds: int
    count: int
    evidence: str
    figure: str


@dataclass(frozen=True, slots=True)
class ChangedOver:
    """The changeover to the order. ``standard_seconds`` None: nobody declared one."""

    from_order: str
    seconds: int
    standard_seconds: int | None
    evidence: str


@dataclass(frozen=True, slots=True)
class Side:
    """One of the orders side by side. Times in seconds; ``rate``: good pieces per planned working hour.

    ``roles``: best, median, this; ``late_seconds``: its end against the planned one, less than zero: earlier.
    """

    roles: tuple[str, ...]
    code: str
    state: str
    started_at: datetime | None
    ended_at: datetime | None
    rate: Decimal | None
    planned_quantity: Decimal
    good: Decimal | None
    scrap: Decimal | None
    scrap_share: Decimal | None
    planned_seconds: int | None
    worked_seconds: int
    late_seconds: int | None
    time: tuple[TimeShare, ...]
    causes: tuple[Cause, ...]
    changeover: ChangedOver | None
    evidence: str

    def share_of(self, time_class: str) -> TimeShare | None:
        return next((row for row in self.time if row.time_class == time_class), None)


@dataclass(frozen=True, slots=True)
class OrderComparison:
    """One order beside the best and the median of ``n`` finished orders of its product on its line.

    ``n`` below three: neither best nor median. ``left_out``: finished orders without a rate. ``place``: of
    this order among the ``n``; null while it is not one of them.
    """

    job_order: str
    product: str
    line: str
    n: int
    needed: int
    left_out: int
    place: int | None
    paced_by: str | None
    sides: tuple[Side, ...]


def order_comparison(job_order: JobOrder, *, now: datetime) -> OrderComparison:
    """The order and what it is compared with, best first, itself last."""
    found = order_standing(job_order=job_order, now=now)
    runs = {run.code: run for run in (found.best, found.median, found.this) if run is not None}
    orders = orders_by_code(runs)
    units = plant.line_work_units(job_order.line_id)
    reader = _Reader(
        units=units,
        paced=declared_constraint(units) or (units[-1] if units else None),
        scraps=scrap_of(line_id=job_order.line_id, orders=list(orders.values()), now=now),
        reasons=reason_names(),
        now=now,
    )
    return OrderComparison(
        job_order=job_order.code,
        product=job_order.product.code,
        line=job_order.line.code,
        n=len(found.ranked),
        needed=FEWEST,
        left_out=found.left_out,
        place=found.place,
        paced_by=reader.paced.code if reader.paced else None,
        sides=tuple(reader.side(orders[code], run, _roles(found, code)) for code, run in runs.items()),
    )


def _roles(found: Standing, code: str) -> tuple[str, ...]:
    named = ((BEST, found.best), (MEDIAN, found.median), (THIS, found.this))
    return tuple(role for role, run in named if run is not None and run.code == code)


@dataclass(frozen=True, slots=True)
class _Reader:
    """What the sides have in common, read once."""

    units: Sequence[Equipment]
    paced: Equipment | None
    scraps: dict[str, Decimal]
    reasons: dict[str, str]
    now: datetime

    def side(self, order: JobOrder, run: Run, roles: tuple[str, ...]) -> Side:
        read, told = self._accounts(run)
        scrap = self.scraps.get(order.code)
        made = None if run.good is None or scrap is None else run.good + scrap
        return Side(
            roles=roles,
            code=order.code,
            state=order.state,
            started_at=run.start,
            ended_at=run.end,
            rate=None if run.rate is None else run.rate.quantize(Decimal("0.1")),
            planned_quantity=order.quantity,
            good=run.good,
            scrap=scrap,
            scrap_share=_share(scrap, made),
            planned_seconds=_between(order.planned_start, order.planned_end),
            worked_seconds=round(run.worked.total_seconds()),
            late_seconds=_between(order.planned_end, run.end),
            time=_time(order.code, told),
            causes=self._causes(told, order.code) if told else (),
            changeover=self._changeover(order, read) if read else None,
            evidence=f"/orders/{order.code}/",
        )

    def _accounts(self, run: Run) -> tuple[Account | None, timing.Machine | None]:
        """The pacing machine's account from before the order on, and of the times it was worked on."""
        if self.paced is None or run.start is None:
            return None, None
        end = run.end or self.now
        read = production.accounts(equipment=[self.paced], start=run.start - BEFORE, end=end).get(
            self.paced.pk
        )
        if read is None or read.end <= run.start:
            return read, None
        working = [Interval(start, until or end) for start, until in run.working]
        return read, timing.Machine(self.paced, timing.worked_account(within(read, run.start), working))

    def _causes(self, told: timing.Machine, code: str) -> tuple[Cause, ...]:
        if told.account is None:
            return ()
        losses = origins.losses_of(told)
        if losses is None:
            found = timing.groups(told, self.reasons, listed=())
        else:
            found = origins.groups(told.account, losses, self.reasons, {u.code: u for u in self.units})
        opens = f"/orders/{code}/figures/"
        return tuple(
            Cause(row.word, row.seconds, row.count, row.evidence, f"{opens}{row.key}") for row in found[:TOP]
        )

    def _changeover(self, order: JobOrder, read: Account) -> ChangedOver | None:
        done = next((item for item in changeovers_done(read.segments) if item.to_order == order.code), None)
        if done is None or self.paced is None:
            return None
        standard = _standard(done, order.line_id)
        return ChangedOver(
            done.from_order,
            round(done.duration.total_seconds()),
            None if standard is None else round(standard.total_seconds()),
            order_figure_href(order.code, "changeover"),
        )


def _standard(done: Done, line_id: int) -> timedelta | None:
    products = products_of((done.from_order, done.to_order))
    before, after = products.get(done.from_order), products.get(done.to_order)
    return standard_for(standards_of(line_id), before, after) if before and after else None


def _share(part: Decimal | None, whole: Decimal | None) -> Decimal | None:
    exact = None if part is None or whole is None else ratio(part, whole)
    return None if exact is None else round(exact, 6)


def _between(start: datetime | None, end: datetime | None) -> int | None:
    return None if start is None or end is None else round((end - start).total_seconds())


def _time(code: str, told: timing.Machine | None) -> tuple[TimeShare, ...]:
    if told is None or told.account is None:
        return ()
    account = told.account
    return tuple(
        TimeShare(
            name,
            class_word(name),
            shown,
            _share(seconds(account.durations[name]), seconds(account.span)),
            order_figure_href(code, "time", **{"class": name}),
            order_figure_href(code, "time_share", **{"class": name}),
        )
        for name, shown in timing.shown_classes(account).items()
    )


@dataclass(frozen=True, slots=True)
class Difference:
    """The class of lost time in which an order parts most from another, as shares of each one's time."""

    word: str
    points: Decimal


def largest_difference(one: Side, other: Side) -> Difference | None:
    """Where ``one`` loses more of its time than ``other``; None where it loses no more in any class."""
    found: list[tuple[Decimal, str]] = []
    for row in one.time:
        if row.share is None or row.time_class not in LOST | {UNKNOWN}:
            continue
        there = other.share_of(row.time_class)
        found.append((row.share - (there.share if there and there.share else Decimal(0)), row.word))
    points, word = max(found, default=(Decimal(0), ""))
    return Difference(word, points * 100) if points > 0 else None
