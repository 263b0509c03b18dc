"""A line's reading as its pages show it: plan, losses, owners, lanes, in the reader's words."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from mom.pages import svg, words
from mom.pages.losses import DataQuality, Loss, Losses, attributed, data_quality, losses
from mom.pages.origins import end_word, origin_word
from mom.pages.plan import Asked, Plan, plan
from mom.pages.reading import LineReading, slots_of
from mom.provenance.links import figure_href, lost_events_href
from plant import selectors
from production.domain.account import Account, Segment
from production.domain.line.walk import MACHINE
from production.domain.time_model import UNKNOWN
from production.selectors import Kpi, StopTold

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.models import JobOrder


@dataclass(frozen=True, slots=True)
class OrderView:
    code: str
    product: str
    quantity: Decimal
    unit_word: str
    good: Decimal | None
    due: datetime | None
    planned_start: datetime | None
    plan: Plan | None
    bar: SafeString | str

    @property
    def after_due(self) -> timedelta | None:
        """How long after it is due the order finishes by the forecast; None when it does not."""
        finish = self.plan.finish if self.plan else None
        return finish - self.due if finish and self.due and finish > self.due else None


@dataclass(frozen=True, slots=True)
class LossView:
    """``label`` is ``what`` and the ``machine`` it started at, where one is known.

    ``going_on``: it costs time now, not only earlier in the window.
    """

    label: str
    what: str
    machine: str
    machine_code: str
    icon: str
    tone: str
    duration: timedelta
    count: int
    pieces: Decimal | None
    money: str
    cost: str
    href: str
    bar: SafeString
    reason_code: str
    going_on: bool
    evidence: str
    pieces_evidence: str
    money_evidence: str
    cost_evidence: str


@dataclass(frozen=True, slots=True)
class LaneView:
    code: str
    name: str
    paces: bool
    state: str
    state_kind: str
    svg: SafeString
    stops: int
    stopped: timedelta


@dataclass(frozen=True, slots=True)
class StopView:
    id: str
    equipment: str
    start: datetime
    end: datetime | None
    duration: timedelta | None
    fault_code: str


@dataclass(frozen=True, slots=True)
class Figure:
    """One KPI with the definition in force and how far it can be trusted."""

    name: str
    value: Decimal | None
    definition: str
    quality: DataQuality
    href: str


def href(path: str, **query: str) -> str:
    return f"{path}?{urlencode({name: value for name, value in query.items() if value})}"


def reason_names(codes: set[str]) -> dict[str, str]:
    """Names of reasons in the active language, in one read."""
    if not codes:
        return {}
    rows: Any = selectors.configuration_rows("plant.Reason", code__in=codes)
    return {row.code: row.name for row in rows}


def order_view(reading: LineReading, order: JobOrder | None) -> OrderView | None:
    """The running order against its plan."""
    if order is None:
        return None
    good, slots = reading.good, slots_of(reading, order)
    asked = Asked(order.quantity, order.started_at, order.planned_start, order.planned_end, reading.rate)
    made = plan(asked=asked, good=good, now=reading.now, slots=slots)
    label = _("%(good)s of %(quantity)s, should be %(target)s") % {
        "good": words.quantity(good),
        "quantity": words.quantity(order.quantity),
        "target": words.quantity(made.target),
    }
    return OrderView(
        code=order.code,
        product=order.product.name,
        quantity=order.quantity,
        unit_word=words.piece_word(order.unit),
        good=good,
        due=order.due_time or order.planned_end,
        planned_start=order.planned_start,
        plan=made,
        bar=svg.progress(good, order.quantity, target=made.target, label=label),
    )


def loss_label(loss: Loss, names: dict[str, str]) -> str:
    if loss.reason_code:
        return names.get(loss.reason_code, loss.reason_code)
    return end_word(loss.kind) or words.class_word(loss.time_class)


def loss_views(reading: LineReading, found: Losses, names: dict[str, str]) -> list[LossView]:
    assert reading.constraint is not None
    most = found.rows[0].duration if found.rows else timedelta()
    return [_loss_view(reading, reading.constraint, loss, names, most) for loss in found.rows]


def _loss_view(
    reading: LineReading, constraint: Equipment, loss: Loss, names: dict[str, str], most: timedelta
) -> LossView:
    kind = words.class_kind(loss.time_class)
    began = next((unit for unit in reading.units if loss.kind == MACHINE and unit.code == loss.machine), None)
    what, machine = loss_label(loss, names), began.name if began else ""
    label = origin_word(machine, what)
    share = Decimal(loss.duration // timedelta(microseconds=1)) / (most // timedelta(microseconds=1))
    icon = {"slow": "wait"}.get(kind, kind)
    query = {
        "equipment": (began or constraint).code,
        "reason": loss.reason_code,
        **({"uncoded": "1", "period": "24h"} if loss.uncoded else {}),
        "size": "micro" if loss.time_class == "micro_stop" else "",
    }
    return LossView(
        label=label,
        what=what,
        machine=machine,
        machine_code=began.code if began else "",
        icon=icon,
        tone=f"tone-{icon}",
        duration=loss.duration,
        count=loss.count,
        pieces=None if loss.pieces is None else loss.pieces.quantize(Decimal(1)),
        money=words.money(loss.money, reading.currency) if loss.money is not None else "",
        cost=words.money(loss.cost, reading.currency) if loss.cost is not None else "",
        href=href("/stops/", **query),
        bar=svg.progress(share, Decimal(1), label=label, kind=kind, height=10),
        reason_code=loss.reason_code,
        going_on=reading.account is not None and loss.until == reading.account.end,
        evidence=_evidence(reading, constraint, loss, "lost"),
        pieces_evidence=_evidence(reading, constraint, loss, "lost_pieces"),
        money_evidence=_evidence(reading, constraint, loss, "lost_money"),
        cost_evidence=_evidence(reading, constraint, loss, "lost_cost"),
    )


def _evidence(reading: LineReading, constraint: Equipment, loss: Loss, figure: str) -> str:
    """What a loss was made of: charged pieces of lost time, or the machine's own where nothing is charged."""
    account = reading.account
    assert account is not None
    asked = {"class": loss.time_class, "reason": loss.reason_code, "uncoded": "1" if loss.uncoded else ""}
    if reading.losses is None:
        if own := {"lost": "time", "lost_pieces": "time_pieces"}.get(figure):
            return figure_href(constraint.code, own, account.start, account.end, **asked)
        asked = {"class": loss.time_class, "reason": loss.reason_code or "-"}
        by = figure.removeprefix("lost_")
        return lost_events_href(reading.line.code, account.start, account.end, by, **asked)
    asked |= {"kind": loss.kind, "machine": loss.machine}
    return figure_href(reading.line.code, figure, account.start, account.end, **asked)


def unheard(account: Account | None) -> timedelta:
    """How long no data came of a machine while it was not closed."""
    return account.durations.get(UNKNOWN, timedelta()) if account else timedelta()


def is_silent(account: Account | None) -> bool:
    """Nothing is known of the window so far: not that time was lost or pieces made, nor that none were."""
    return account is None or data_quality(account).known == 0


def line_losses(reading: LineReading) -> Losses | None:
    """By where they started; by cause on the pacing machine alone where no link is declared."""
    account = reading.account
    if account is None:
        return None
    if reading.losses is not None:
        return attributed(account, reading.losses)
    return losses(account, units_per_hour=reading.rate)


def segment_word(segment: Segment) -> str:
    """What a part of an account is; running time named slow says so."""
    if segment.slow is not None:
        return words.class_word("running_slow")
    return words.class_word("uncoded" if segment.uncoded else segment.time_class)


def segment_kind(segment: Segment) -> str:
    return "slow" if segment.slow is not None else words.class_kind(segment.time_class)


def segment_titles(account: Account, zone: ZoneInfo, names: dict[str, str]) -> list[str]:
    """Of hundreds of segments: most begin where the last one ended, and few words say what they are."""
    said: dict[tuple[str, bool, bool], str] = {}
    titles: list[str] = []
    at, ended = account.start, f"{account.start.astimezone(zone):%H:%M:%S}"
    for segment in account.segments:
        begun = ended if segment.start == at else f"{segment.start.astimezone(zone):%H:%M:%S}"
        kind = (segment.time_class, segment.uncoded, segment.slow is not None)
        what = said.get(kind) or said.setdefault(kind, segment_word(segment))
        ended = f"{segment.end.astimezone(zone):%H:%M:%S}"
        reason = names.get(segment.reason_code, segment.reason_code)
        parts = (what, f"{begun}–{ended} ({words.span(segment.duration)})", reason, segment.fault_code)
        titles.append(" · ".join([part for part in parts if part]))
        at = segment.end
    return titles


def segment_marks(
    account: Account | None, unit: Equipment, zone: ZoneInfo, names: dict[str, str]
) -> list[svg.Mark]:
    """Segments as marks; each opens the event and its raw signals."""
    if account is None:
        return []
    page = f"/equipment/{unit.code}/?at="
    return [
        svg.Mark(
            segment.start,
            segment.end,
            segment_kind(segment),
            title,
            f"{page}{segment.start.isoformat().replace('+00:00', 'Z')}",
        )
        for segment, title in zip(account.segments, segment_titles(account, zone, names), strict=True)
    ]


def stop_row(told: StopTold) -> dict[str, Any]:
    """A stop in a short list."""
    said = told.said
    return {
        "id": str(told.stop.pk),
        "start": told.stop.start_time,
        "end": told.stop.end_time,
        "duration": told.duration,
        "fault_code": told.stop.fault_code,
        "word": words.base_word(told.stop.base_class),
        "reason": said.reason.name if said and said.reason else "",
        "needs_reason": bool(told.stop.needs_reason and getattr(told.stop, "had_order", False)),
    }


def lane_view(reading: LineReading, unit: Equipment, names: dict[str, str]) -> LaneView:
    account = reading.accounts.get(unit.pk)
    paces = unit in reading.members
    state, _since = state_since(account)
    stopped = (
        [s for s in account.segments if s.stop_start and words.class_kind(s.time_class) == "stop"]
        if account
        else []
    )
    return LaneView(
        code=unit.code,
        name=unit.name,
        paces=paces,
        state=state,
        state_kind=words.state_kind(state),
        svg=svg.lane(
            segment_marks(account, unit, reading.zone, names),
            window=reading.window,
            zone=reading.zone,
            label=unit.name,
            now=reading.now,
            height=34 if paces else 24,
            href=f"/equipment/{unit.code}/",
        ),
        stops=len({segment.stop_start for segment in stopped}),
        stopped=sum((segment.duration for segment in stopped), timedelta()),
    )


def state_since(account: Account | None) -> tuple[str, datetime | None]:
    """State now, and since when, as far as the window shows."""
    if account is None or not account.segments:
        return "unknown", None
    now, since = shown_state(account.segments[-1]), account.segments[-1].start
    for segment in reversed(account.segments):
        if shown_state(segment) != now or segment.end < since:
            break
        since = segment.start
    return now, since


def shown_state(segment: Segment) -> str:
    """The machine's state; where nothing is planned to run, that instead of a stop: it is not abnormal."""
    planned = words.class_kind(segment.time_class) == words.PLANNED
    halted = words.state_kind(segment.state) not in (words.RUN, words.UNKNOWN)
    return segment.time_class if planned and halted else segment.state


def figure(reading: LineReading, kpi: Kpi | None) -> Figure | None:
    """TRS (NF E60-182) of the pacing machine in the window so far."""
    account = reading.account
    if account is None or reading.constraint is None:
        return None
    return Figure(
        name=_("TRS (NF E60-182)"),
        value=kpi.trs.trs if kpi else None,
        definition=_(
            "TRS = TU / TR: useful time over required time of %(machine)s, declared to pace the line, in this"
            " shift so far (NF E60-182)."
        )
        % {"machine": reading.constraint.name},
        quality=data_quality(account),
        href=figure_href(reading.line.code, "trs", reading.window.start, reading.now),
    )


def uncoded(reading: LineReading) -> list[StopView]:
    return [
        StopView(
            str(stop.pk),
            stop.work_unit.name,
            stop.start_time,
            stop.end_time,
            None if stop.end_time is None else stop.end_time - stop.start_time,
            stop.fault_code,
        )
        for stop in reading.uncoded
    ]


def names_for(reading: LineReading) -> dict[str, str]:
    """Names of every reason in the active language; read once while master data stay the same."""
    rows = selectors.configuration_kept(
        "reasons",
        revision=reading.revision,
        make=lambda: {row.code: row for row in selectors.configuration_rows("plant.Reason")},  # type: ignore[attr-defined]
    )
    return {code: row.name for code, row in rows.items()}  # type: ignore[attr-defined]
