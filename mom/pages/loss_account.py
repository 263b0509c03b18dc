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

from mom.pages import definitions, pareto, words
from mom.pages.lookup import equipment_or_404, lines_seen
from mom.pages.loss_rows import SHOWN_CAUSES, TIME, Window, loss_told, pareto_rows, shown, whole
from mom.pages.losses import data_quality
from mom.pages.svg import waterfall
from mom.provenance.links import figure_href
from plant import selectors
from plant.access import require
from plant.domain.intervals import Interval
from plant.domain.quantities import ratio, round_parts
from production import selectors as production
from production.domain.bridge import QUALITY, SLOW, SPEED, Bridge, bridge
from production.domain.oee import seconds as exact_seconds

if TYPE_CHECKING:
    from collections.abc import Sequence

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
KIND_WORDS = {
    SLOW: late("Running slowly"),
    SPEED: late("Slower than the ideal rate"),
    QUALITY: late("Rejected, or still in the line"),
}
KIND_KINDS = {SLOW: "slow", SPEED: "slow", QUALITY: "stop"}
# A level's own figure, as its evidence is addressed.
LEVEL_FIGURES = {
    **{name: name.lower() for name in ("TT", "TO", "TR", "TF", "TN", "TU", "POT", "PBT", "APT")},
    "PRI·PQ": "pri_pq",
    "PRI·GQ": "pri_gq",
    "known": "known",
}
LEVEL, LOSS = "level", "loss"


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
    evidence: str = ""

    @property
    def time(self) -> timedelta:
        return timedelta(seconds=self.seconds)

    @property
    def text(self) -> str:
        """A loss below zero gave time back."""
        if self.role != LOSS:
            return words.span(self.time)
        return f"{'−' if self.seconds >= 0 else '+'}{words.span(abs(self.time))}"


@dataclass(frozen=True, slots=True)
class Tile:
    """One key figure with its formula; ``text`` is as shown, ``href`` opens what it was made of."""

    name: str
    text: str
    formula: str
    href: str


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
    account = found.account
    made = bridge(standard, account.durations, [part.output for part in found.made], account.slow_lost)
    told = loss_told(unit, found, context["view"])
    table = pareto.pareto(told.bits, metric=context["metric"], lateness=told.lateness)
    window = Window(unit.code, context["view"], account.start, account.end)
    return {
        "found": found,
        "steps": steps(made, found),
        "bridge": made,
        "tiles": tiles(found, context["standard"], told.breakdowns),
        "quality": data_quality(account),
        "time_models": definitions.models(
            production.time_models_in_force(equipment=found.paced_by, start=account.start, end=account.end)
        ),
        "table": table,
        "shifts": _shift_names(context["line"], table.shifts, window),
        "told": told,
        "rows": pareto_rows(table, context["metric"], told, window),
        "others": shown(
            pareto.together(row.total for row in table.rows[SHOWN_CAUSES:]), context["metric"], told.currency
        ),
        "whole": whole(table, told),
        "whole_href": window.events(),
    }


def _shift_names(line: Equipment | None, codes: Sequence[str], window: Window) -> list[str]:
    """As the calendar of the line calls them; a code it no longer has stays as it is."""
    slots = selectors.calendar_slots(line_id=line.pk, start=window.start, end=window.end) if line else []
    names = {slot.code: slot.name for slot in slots if slot.kind == "shift"}
    return [names.get(code) or code for code in codes]


def steps(found: Bridge, figures: Kpi) -> list[Step]:
    """Rows of the waterfall in whole seconds that add up: each loss, then what is left."""
    window = Window(figures.equipment.code, TIME, figures.account.start, figures.account.end)
    parts = [loss.seconds for level in found.levels for loss in level.losses]
    rounded = iter(round_parts([*parts, found.levels[-1].seconds]))
    at = whole = sum(round_parts([*parts, found.levels[-1].seconds]), Decimal(0))
    rows = []
    if found.levels[0].losses:
        opens = _evidence(figures, "whole")
        rows.append(_step(LEVEL, _("Whole time"), "planned", whole, Decimal(0), whole, "", opens))
    for level in found.levels:
        for loss in level.losses:
            lost = next(rounded)
            at -= lost
            label = str(KIND_WORDS.get(loss.kind) or words.class_word(loss.kind))
            kind = KIND_KINDS.get(loss.kind) or words.class_kind(loss.kind)
            opens = "" if loss.kind in KIND_WORDS else window.events(time_class=loss.kind)
            own = f"{loss.kind}_lost" if loss.kind in KIND_WORDS else ""
            evidence = _evidence(figures, own) if own else _evidence(figures, "time", loss.kind)
            rows.append(_step(LOSS, label, kind, lost, at, whole, opens, evidence))
        name = LEVEL_FIGURES.get(level.name, "")
        evidence = _evidence(figures, name) if name else ""
        rows.append(_step(LEVEL, str(LEVEL_WORDS[level.name]), "run", at, Decimal(0), whole, "", evidence))
    return rows


def _step(
    role: str,
    label: str,
    kind: str,
    amount: Decimal,
    left: Decimal,
    whole: Decimal,
    opens: str,
    evidence: str = "",
) -> Step:
    bar = waterfall.drawn(waterfall.Bar(left, amount, kind, label), whole)
    return Step(role, label, kind, int(amount), ratio(amount, whole), bar, opens, evidence)


def _evidence(found: Kpi, figure: str, time_class: str = "") -> str:
    account = found.account
    return figure_href(found.equipment.code, figure, account.start, account.end, **{"class": time_class})


def tiles(found: Kpi, standard: str, breakdowns: tuple[int, timedelta] | None = None) -> list[Tile]:
    """The eight figures a plant steers by, in the words of the definition in force.

    ``breakdowns``: of any machine, that halted the line; without them the pacing machine's own, named so.
    """
    trs, oee, more = found.trs, found.oee, found.figures
    percent, hours = words.percent, _hours
    named = {"count": more.failures, "machine": found.paced_by.name}
    rejected = _("rejected by %(machine)s") % named
    failures = _("run time / breakdowns of %(machine)s: %(count)s") % named
    if standard == "nf":
        first = [
            ("trs", "TRS", percent(trs.trs), "TU / TR"),
            ("do", _("Availability (Do)"), percent(trs.do), "TF / TR"),
            ("tp", _("Performance (Tp)"), percent(trs.tp), "TN / TF"),
            ("tq", _("Quality (Tq)"), percent(trs.tq), "TU / TN"),
        ]
    else:
        first = [
            ("oee", "OEE", percent(oee.oee), "PRI·GQ / PBT"),
            ("availability", _("Availability"), percent(oee.availability), "APT / PBT"),
            ("effectiveness", _("Effectiveness"), percent(oee.effectiveness), "PRI·PQ / APT"),
            ("quality", _("Quality ratio"), percent(oee.quality), "GQ / PQ"),
        ]
    rest = [
        ("mtbf", _("Time between breakdowns"), hours(more.mtbf), failures),
        ("mttr", _("Time to repair"), hours(more.mttr), _("breakdown time / breakdowns")),
        ("setup_ratio", _("Changeover share"), percent(more.setup_ratio), "AUST / AUPT"),
        ("scrap_ratio", _("Scrap ratio"), percent(more.scrap_ratio), rejected),
    ]
    told = [
        Tile(name, text, formula, _evidence(found, figure)) for figure, name, text, formula in (*first, *rest)
    ]
    told = told if breakdowns is None else _with_line_breakdowns(told, found, breakdowns)
    return _with_line_scrap(told, found)


def _with_line_scrap(told: list[Tile], found: Kpi) -> list[Tile]:
    """Rejected by any machine of a line, over what came out of it good or rejected."""
    good, scrap = found.oee.good, found.line_scrap
    if found.equipment.level != "line" or good is None or scrap is None:
        return told
    formula = _("rejected by all machines of the line / good and rejected: %(pieces)s") % {
        "pieces": words.quantity(round(scrap))
    }
    text, opens = words.percent(ratio(scrap, good + scrap)), _evidence(found, "line_scrap_ratio")
    return [*told[:-1], Tile(_("Scrap ratio"), text, formula, opens)]


def _with_line_breakdowns(told: list[Tile], found: Kpi, breakdowns: tuple[int, timedelta]) -> list[Tile]:
    """Of any machine, as far as they halted the line: one the buffers took up is none of the line's."""
    count, time = breakdowns
    between = ratio(found.oee.apt, count)
    each = ratio(exact_seconds(time), count)
    formula = _("run time / breakdowns of any machine that halted the line: %(count)s") % {"count": count}
    stood = _("time the line stood by them / breakdowns")
    line = [
        Tile(_("Time between breakdowns"), _hours(between), formula, _evidence(found, "line_mtbf")),
        Tile(_("Time to repair"), _hours(each), stood, _evidence(found, "line_mttr")),
    ]
    return [*told[:4], *line, *told[6:]]


def _hours(value: Decimal | None) -> str:
    return "–" if value is None else words.span_minutes(timedelta(seconds=float(value)))
