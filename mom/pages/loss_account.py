"""The loss account of a line or machine: key figures, calendar time down to useful time, and the causes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late
from django.views.decorators.http import require_safe

from mom.pages import pareto, svg, words
from mom.pages.board import href, reason_names
from mom.pages.lookup import equipment_or_404, lines_seen
from mom.pages.losses import data_quality
from mom.pages.svg import waterfall
from plant import selectors
from plant.access import require
from plant.domain.intervals import Interval
from plant.domain.quantities import ratio, round_parts
from production import selectors as production
from production.domain.bridge import QUALITY, SPEED, Bridge, bridge
from production.domain.oee import seconds as exact_seconds

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.selectors import Kpi

NF, ISO = "NF E60-182", "ISO 22400-2"
STANDARDS = {"nf": NF, "iso": ISO}
PERIODS = ("shift", "day", "7d", "30d")
DAYS = {"7d": timedelta(days=7), "30d": timedelta(days=30)}
FILTERS = ("equipment", "period", "standard", "metric", "view")
LEVEL_WORDS = {
    "TT": late("Total time (TT)"),
    "TO": late("Opening time (TO)"),
    "TR": late("Required time (TR)"),
    "TF": late("Run time (TF)"),
    "TN": late("Net time (TN)"),
    "TU": late("Useful time (TU)"),
    "known": late("Time with data"),
    "POT": late("Planned operation time (POT)"),
    "PBT": late("Planned busy time (PBT)"),
    "APT": late("Actual production time (APT)"),
    "PRI·PQ": late("Time for what was made (PRI·PQ)"),
    "PRI·GQ": late("Time for what was good (PRI·GQ)"),
}
KIND_WORDS = {SPEED: late("Slower than the ideal rate"), QUALITY: late("Rejected, or still in the line")}
LEVEL, LOSS = "level", "loss"
SHOWN_CAUSES = 25


@dataclass(frozen=True, slots=True)
class Step:
    """A row of the waterfall. ``seconds`` are whole and add up as shown."""

    role: str
    label: str
    kind: str
    seconds: int
    share: Decimal | None
    bar: SafeString
    href: str

    @property
    def time(self) -> timedelta:
        return timedelta(seconds=self.seconds)


@dataclass(frozen=True, slots=True)
class Tile:
    """One key figure with its formula; ``text`` is as shown."""

    name: str
    text: str
    formula: str


def window_of(line: Equipment | None, period: str, now: datetime) -> Interval | None:
    """The time a period means for a line; None where it has none, such as a shift outside shifts."""
    if period in DAYS:
        return Interval(now - DAYS[period], now)
    if line is None:
        return None
    if period == "shift":
        shift = selectors.shift_at(line_id=line.pk, at=now)
        return Interval(shift.start_time, now) if shift and shift.start_time < now else None
    day = selectors.day_ended(line_id=line.pk, at=now)
    shifts = selectors.day_shifts(line_id=line.pk, day=day) if day else []
    return Interval(shifts[0].start_time, max(s.end_time for s in shifts)) if shifts else None


@require_safe
@require("view")
def losses(request: HttpRequest) -> HttpResponse:
    """The address says everything: equipment, period, standard, what the causes are ranked by."""
    asked = {name: request.GET.get(name, "") for name in FILTERS}
    lines = lines_seen(request)
    code = asked["equipment"] or (lines[0].code if lines else "")
    if not code:
        raise Http404("no line in your scope")
    unit = equipment_or_404(request, code)
    line = unit if unit.level == "line" else selectors.line_of(unit)
    period = asked["period"] if asked["period"] in PERIODS else "day"
    now = timezone.now()
    window = window_of(line, period, now)
    found = _kpi(unit, window) if window else None
    context = {
        "unit": unit,
        "line": line,
        "lines": lines,
        "machines": selectors.line_work_units(line.pk) if line else [],
        "period": period,
        "periods": _periods(),
        "standard": asked["standard"] if asked["standard"] in STANDARDS else "nf",
        "metric": asked["metric"] if asked["metric"] in pareto.METRICS else pareto.TIME,
        "view": "machines" if asked["view"] == "machines" else "line",
        "zone": selectors.site_zone(unit),
        "window": window,
    }
    if found is not None and window is not None:
        context |= _told(unit, found, context)
    return render(request, "mom/losses.html", context)


def _kpi(unit: Equipment, window: Interval) -> Kpi | None:
    assert window.end is not None
    return production.kpi(equipment_id=unit.pk, start=window.start, end=window.end)


def _periods() -> list[tuple[str, str]]:
    named = (_("This shift"), _("Last production day"), _("7 days"), _("30 days"))
    return list(zip(PERIODS, named, strict=True))


def _told(unit: Equipment, found: Kpi, context: dict[str, Any]) -> dict[str, Any]:
    standard = STANDARDS[context["standard"]]
    made = bridge(standard, found.account.durations, [part.output for part in found.made])
    table = pareto.pareto(
        _accounts(unit, found, context["view"]),
        metric=context["metric"],
        own_only=context["view"] == "machines",
    )
    return {
        "found": found,
        "steps": steps(made, found.paced_by.code),
        "bridge": made,
        "tiles": tiles(found, context["standard"]),
        "quality": data_quality(found.account),
        "table": table,
        "rows": pareto_rows(table, context["metric"]),
        "others": _shown(pareto.together(row.total for row in table.rows[SHOWN_CAUSES:]), context["metric"]),
    }


def _accounts(unit: Equipment, found: Kpi, view: str) -> list[Any]:
    """The line as it felt it is the machine that paces it; as maintenance looks at it, all its machines."""
    if view != "machines" or unit.level != "line":
        return [(found.paced_by, found.account, _possible(found))]
    units = selectors.line_work_units(unit.pk)
    accounts = production.accounts(equipment=units, start=found.account.start, end=found.account.end)
    return [(machine, accounts[machine.pk], pareto.unrated) for machine in units if machine.pk in accounts]


def _possible(found: Kpi) -> pareto.Rates:
    """Pieces a stretch of time could have brought, each part of it at the rate of its own order."""

    def pieces(start: datetime, end: datetime) -> Decimal | None:
        total = Decimal(0)
        for part in found.made:
            time = min(end, part.use.end or end) - max(start, part.use.start)
            if time <= timedelta():
                continue
            if part.rate is None:
                return None
            total += part.rate.units_per_hour * exact_seconds(time) / 3600
        return total

    return pieces


def steps(found: Bridge, code: str) -> list[Step]:
    """Rows of the waterfall in whole seconds that add up: each loss, then what is left."""
    parts = [loss.seconds for level in found.levels for loss in level.losses]
    rounded = iter(round_parts([*parts, found.levels[-1].seconds]))
    at = whole = sum(round_parts([*parts, found.levels[-1].seconds]), Decimal(0))
    rows = []
    if found.levels[0].losses:
        rows.append(_step(LEVEL, _("Whole time"), "planned", whole, Decimal(0), whole, ""))
    for level in found.levels:
        for loss in level.losses:
            lost = next(rounded)
            at -= lost
            label = str(KIND_WORDS.get(loss.kind) or words.class_word(loss.kind))
            kind = {SPEED: "slow", QUALITY: "stop"}.get(loss.kind) or words.class_kind(loss.kind)
            opens = href("/stops/", equipment=code) if kind in ("stop", "setup", "wait") else ""
            rows.append(_step(LOSS, label, kind, lost, at, whole, opens))
        rows.append(_step(LEVEL, str(LEVEL_WORDS[level.name]), "run", at, Decimal(0), whole, ""))
    return rows


def _step(
    role: str, label: str, kind: str, amount: Decimal, left: Decimal, whole: Decimal, opens: str
) -> Step:
    bar = waterfall.drawn(waterfall.Bar(left, amount, kind, label), whole)
    return Step(role, label, kind, int(amount), ratio(amount, whole), bar, opens)


def tiles(found: Kpi, standard: str) -> list[Tile]:
    """The eight figures a plant steers by, in the words of the definition in force."""
    trs, oee, more = found.trs, found.oee, found.figures
    percent, hours = words.percent, _hours
    if standard == "nf":
        first = [
            Tile("TRS", percent(trs.trs), "TU / TR"),
            Tile(_("Availability (Do)"), percent(trs.do), "TF / TR"),
            Tile(_("Performance (Tp)"), percent(trs.tp), "TN / TF"),
            Tile(_("Quality (Tq)"), percent(trs.tq), "TU / TN"),
        ]
    else:
        first = [
            Tile("OEE", percent(oee.oee), "PRI·GQ / PBT"),
            Tile(_("Availability"), percent(oee.availability), "APT / PBT"),
            Tile(_("Effectiveness"), percent(oee.effectiveness), "PRI·PQ / APT"),
            Tile(_("Quality ratio"), percent(oee.quality), "GQ / PQ"),
        ]
    failures = _("run time / breakdowns of %(machine)s: %(count)s") % {
        "count": more.failures,
        "machine": found.paced_by.name,
    }
    return [
        *first,
        Tile(_("Time between breakdowns"), hours(more.mtbf), failures),
        Tile(_("Time to repair"), hours(more.mttr), _("breakdown time / breakdowns")),
        Tile(_("Changeover share"), percent(more.setup_ratio), "AUST / AUPT"),
        Tile(
            _("Scrap ratio"),
            percent(more.scrap_ratio),
            _("rejected by %(machine)s") % {"machine": found.paced_by.name},
        ),
    ]


def _hours(value: Decimal | None) -> str:
    return "–" if value is None else words.span_minutes(timedelta(seconds=float(value)))


@dataclass(frozen=True, slots=True)
class ParetoRow:
    """A cause as listed; texts as shown, by shift and in all."""

    label: str
    machine: str
    kind: str
    cells: tuple[str, ...]
    total: str
    cumulative: Decimal | None
    bar: SafeString
    href: str


def pareto_rows(table: pareto.Table, metric: str) -> list[ParetoRow]:
    names = reason_names({row.reason_code for row in table.rows})
    most = max((row.total.value(metric) or Decimal(0) for row in table.rows), default=Decimal(0))
    return [_pareto_row(row, names, metric, most or Decimal(1)) for row in table.rows[:SHOWN_CAUSES]]


def _pareto_row(row: pareto.Row, names: dict[str, str], metric: str, most: Decimal) -> ParetoRow:
    kind = words.class_kind(row.time_class)
    word = words.class_word(row.time_class)
    label = f"{word} · {names.get(row.reason_code, row.reason_code)}" if row.reason_code else word
    query = {
        "equipment": row.equipment.code,
        "reason": row.reason_code,
        "uncoded": "1" if row.uncoded else "",
        "size": "micro" if row.time_class == "micro_stop" else "",
        "period": "30d",
    }
    value = row.total.value(metric) or Decimal(0)
    return ParetoRow(
        label=label,
        machine=row.equipment.name,
        kind=kind,
        cells=tuple(_shown(cell, metric) for cell in row.cells),
        total=_shown(row.total, metric),
        cumulative=row.cumulative,
        bar=svg.progress(value, most, label=label, kind=kind, height=10),
        href=href("/stops/", **query),
    )


def _shown(cell: pareto.Cell, metric: str) -> str:
    if metric == pareto.TIME:
        return words.span_minutes(cell.duration) if cell.duration else ""
    value = cell.value(metric)
    return words.quantity(None if value is None else round(value)) if cell.duration else ""
