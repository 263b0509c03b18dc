"""Evidence of the figures of a machine or line in a window."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late

from mom.pages.words import class_word, quantity
from mom.provenance.links import figure_href
from mom.provenance.model import (
    NUMBER,
    PIECES,
    RATIO,
    SECONDS,
    Evidence,
    Excluded,
    Input,
    Term,
)
from mom.provenance.trust import edits_of, trust_of
from mom.provenance.versions import versions_of
from plant.domain.quantities import ratio, round_parts
from production import selectors as production
from production.domain.bridge import MICROSECOND, QUALITY, SLOW, SPEED, bridge
from production.domain.oee import seconds
from production.domain.time_model import (
    BREAKDOWN,
    CLASSES,
    RUNNING,
    RUNNING_SLOW,
    SETUP,
    STANDARDS,
    UNKNOWN,
    bucket,
)

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.selectors import Kpi
    from production.selectors.kpi import Made

NF, ISO, PLANT = "NF E60-182", "ISO 22400-2", ""
RUN = frozenset({RUNNING, RUNNING_SLOW})


@dataclass(frozen=True, slots=True)
class Definition:
    """A figure: its name, unit, terms as the standard writes them, and the value other pages show."""

    name: Any
    kind: str
    standard: str
    terms: tuple[str, ...]
    shown: Callable[[Kpi], Any]


FIGURES: Mapping[str, Definition] = {
    "trs": Definition(late("TRS"), RATIO, NF, ("TU", "TR"), lambda k: k.trs.trs),
    "do": Definition(late("Availability (Do)"), RATIO, NF, ("TF", "TR"), lambda k: k.trs.do),
    "tp": Definition(late("Performance (Tp)"), RATIO, NF, ("TN", "TF"), lambda k: k.trs.tp),
    "tq": Definition(late("Quality (Tq)"), RATIO, NF, ("TU", "TN"), lambda k: k.trs.tq),
    "oee": Definition(late("OEE"), RATIO, ISO, ("PRI·GQ", "PBT"), lambda k: k.oee.oee),
    "availability": Definition(
        late("Availability"), RATIO, ISO, ("APT", "PBT"), lambda k: k.oee.availability
    ),
    "effectiveness": Definition(
        late("Effectiveness"), RATIO, ISO, ("PRI·PQ", "APT"), lambda k: k.oee.effectiveness
    ),
    "quality": Definition(late("Quality ratio"), RATIO, ISO, ("GQ", "PQ"), lambda k: k.oee.quality),
    "mtbf": Definition(
        late("Time between breakdowns"), SECONDS, ISO, ("APT", "FE"), lambda k: k.figures.mtbf
    ),
    "mttr": Definition(late("Time to repair"), SECONDS, ISO, ("TTR", "FE"), lambda k: k.figures.mttr),
    "setup_ratio": Definition(
        late("Changeover share"), RATIO, ISO, ("AUST", "AUPT"), lambda k: k.figures.setup_ratio
    ),
    "scrap_ratio": Definition(late("Scrap ratio"), RATIO, ISO, ("SQ", "PQ"), lambda k: k.figures.scrap_ratio),
    "first_pass_yield": Definition(
        late("First pass yield"), RATIO, ISO, ("GP", "IP"), lambda k: k.figures.first_pass_yield
    ),
    "final_yield": Definition(
        late("Final yield"), RATIO, PLANT, ("GP + GR", "IP"), lambda k: k.figures.final_yield
    ),
    "rework_ratio": Definition(
        late("Rework ratio"), RATIO, ISO, ("RQ", "PQ"), lambda k: k.figures.rework_ratio
    ),
    "line_scrap_ratio": Definition(
        late("Scrap ratio"), RATIO, PLANT, ("R", "G + R"), lambda k: _line_scrap_ratio(k)
    ),
    "tt": Definition(late("Total time (TT)"), SECONDS, NF, ("TT",), lambda k: k.trs.tt),
    "to": Definition(late("Opening time (TO)"), SECONDS, NF, ("TO",), lambda k: k.trs.to),
    "tr": Definition(late("Required time (TR)"), SECONDS, NF, ("TR",), lambda k: k.trs.tr),
    "tf": Definition(late("Run time (TF)"), SECONDS, NF, ("TF",), lambda k: k.trs.tf),
    "tn": Definition(late("Net time (TN)"), SECONDS, NF, ("TN",), lambda k: k.trs.tn),
    "tu": Definition(late("Useful time (TU)"), SECONDS, NF, ("TU",), lambda k: k.trs.tu),
    "pot": Definition(
        late("Planned operation time (POT)"), SECONDS, ISO, ("POT",), lambda k: _time(k, ISO, "POT")
    ),
    "pbt": Definition(late("Planned busy time (PBT)"), SECONDS, ISO, ("PBT",), lambda k: k.oee.pbt),
    "apt": Definition(late("Actual production time (APT)"), SECONDS, ISO, ("APT",), lambda k: k.oee.apt),
    "pri_pq": Definition(
        late("Time for what was made (PRI·PQ)"), SECONDS, ISO, ("PRI·PQ",), lambda k: k.oee.ideal_total
    ),
    "pri_gq": Definition(
        late("Time for what was good (PRI·GQ)"), SECONDS, ISO, ("PRI·GQ",), lambda k: k.oee.ideal_good
    ),
    "whole": Definition(late("Whole time"), SECONDS, PLANT, ("W",), lambda k: seconds(k.account.span)),
    "known": Definition(
        late("Time with data"),
        SECONDS,
        PLANT,
        ("K",),
        lambda k: seconds(k.account.span - k.account.durations.get(UNKNOWN, timedelta())),
    ),
    "slow_lost": Definition(late("Running slowly"), SECONDS, PLANT, ("S",), lambda k: _bridged(k, SLOW)),
    "speed_lost": Definition(
        late("Slower than the ideal rate"), SECONDS, PLANT, ("RUN − TN − S",), lambda k: _bridged(k, SPEED)
    ),
    "quality_lost": Definition(
        late("Rejected, or still in the line"), SECONDS, PLANT, ("TN − TU",), lambda k: _bridged(k, QUALITY)
    ),
    "good": Definition(late("Good pieces"), PIECES, PLANT, ("G",), lambda k: sum(_good(k))),
}
TIME_TERMS: Mapping[str, tuple[str, frozenset[str]]] = {
    **{name: (NF, STANDARDS[NF][name]) for name in ("TT", "TO", "TR", "TF")},
    **{name: (ISO, STANDARDS[ISO][name]) for name in ("POT", "PBT", "APT", "AUST")},
    "AUPT": (ISO, STANDARDS[ISO]["APT"] | {SETUP}),
    "TTR": (ISO, frozenset({BREAKDOWN})),
    "W": (PLANT, frozenset(CLASSES)),
    "K": (PLANT, frozenset(CLASSES) - {UNKNOWN}),
}
TERM_WORDS = {
    "TT": late("Total time"),
    "TO": late("Opening time"),
    "POT": late("Planned operation time"),
    "TR": late("Required time"),
    "TF": late("Run time"),
    "TN": late("Net time: pieces × reference cycle"),
    "TU": late("Useful time: good pieces × reference cycle"),
    "PBT": late("Planned busy time"),
    "APT": late("Actual production time"),
    "AUST": late("Changeover time"),
    "AUPT": late("Processing time: production and changeover"),
    "TTR": late("Breakdown time"),
    "W": late("All time of the window"),
    "K": late("Time with data"),
    "S": late("Time lost while running slowly"),
    "RUN − TN − S": late("Run time − pieces × reference cycle − lost while running slowly"),
    "TN − TU": late("Pieces × reference cycle − good pieces × reference cycle"),
    "FE": late("Breakdowns begun in this time"),
    "PRI·PQ": late("Pieces × run time per item"),
    "PRI·GQ": late("Good pieces × run time per item"),
    "G": late("Good pieces"),
    "GQ": late("Good pieces"),
    "PQ": late("Pieces made"),
    "SQ": late("Rejected pieces"),
    "GP": late("Good the first time"),
    "GP + GR": late("Good the first time and good after rework"),
    "IP": late("Pieces processed, each once"),
    "RQ": late("Pieces sent to rework"),
    "R": late("Rejected by all machines"),
    "G + R": late("Good and rejected pieces"),
}
# Terms in pieces × reference cycle: which pieces.
CYCLED = {"TN": "total", "TU": "good", "PRI·PQ": "total", "PRI·GQ": "good"}
COUNTED = {"GQ": "good", "PQ": "total", "GP": "good", "IP": "total"}


def window_evidence(*, equipment: Equipment, figure: str, start: datetime, end: datetime) -> Evidence | None:
    """Evidence of one of FIGURES in [start, end), cut where the data end. None without data.

    Raises KeyError for a figure that is not known.
    """
    definition = FIGURES[figure]
    found = production.kpi(equipment_id=equipment.pk, start=start, end=end)
    if found is None:
        return None
    ids = [equipment.pk, found.paced_by.pk]
    account = found.account
    return Evidence(
        figure=figure,
        name=str(definition.name),
        kind=definition.kind,
        formula=" / ".join(definition.terms),
        definition=definition.standard or _("counted where the line ends"),
        place=equipment.name,
        start=account.start,
        end=account.end,
        shown=_decimal(definition.shown(found)),
        terms=tuple(term_of(symbol, found) for symbol in definition.terms),
        versions=versions_of(equipment, found),
        excluded=_excluded(found),
        edits=edits_of(equipment_ids=ids, start=account.start, end=account.end),
        trust=trust_of(account),
    )


def _time(found: Kpi, standard: str, name: str) -> Decimal:
    return seconds(bucket(standard, name, found.account.durations))


def _line_scrap_ratio(found: Kpi) -> Decimal | None:
    good, scrap = found.oee.good, found.line_scrap
    return None if good is None or scrap is None else ratio(scrap, good + scrap)


def _good(found: Kpi) -> list[Decimal]:
    """Good pieces of every part that tells them, with an order or without."""
    return [part.good for part in found.made if part.good is not None]


def _decimal(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def term_of(symbol: str, found: Kpi) -> Term:
    word = str(TERM_WORDS[symbol])
    if symbol in TIME_TERMS:
        return Term(symbol, word, SECONDS, _times(found, TIME_TERMS[symbol][1]))
    if symbol in BRIDGED:
        return Term(symbol, word, SECONDS, tuple(BRIDGED[symbol](found)))
    if symbol in CYCLED:
        return Term(symbol, word, SECONDS, tuple(_cycled(part, CYCLED[symbol]) for part in judged(found)))
    if symbol in COUNTED:
        return Term(symbol, word, PIECES, tuple(_counted(part, COUNTED[symbol]) for part in judged(found)))
    if symbol == "G":
        known = [part for part in found.made if part.good is not None]
        return Term(symbol, word, PIECES, tuple(_input(part, part.good, "") for part in known))
    if symbol in ("R", "G + R"):
        rejected = [_input(part, part.line_scrap, _("rejected")) for part in found.made if part.line_scrap]
        good = [_input(part, part.output.good, _("good")) for part in judged(found)]
        return Term(symbol, word, PIECES, tuple(rejected if symbol == "R" else (*good, *rejected)))
    if symbol == "GP + GR":
        first = [_counted(part, "good") for part in judged(found)]
        back = [
            _input(part, part.rework_good, _("after rework")) for part in judged(found) if part.rework_good
        ]
        return Term(symbol, word, PIECES, (*first, *back))
    if symbol == "RQ":
        known = [part for part in judged(found) if part.rework is not None]
        return Term(
            symbol, word, PIECES, tuple(_input(part, part.rework, "") for part in known) or (_nobody(),)
        )
    if symbol == "SQ":
        return Term(symbol, word, PIECES, tuple(_input(part, part.scrap, "") for part in found.made))
    return Term(symbol, word, NUMBER, _breakdowns(found))


def _nobody() -> Input:
    return Input(_("Nobody tells what went to rework"), None)


def _bridged(found: Kpi, kind: str) -> Decimal | None:
    """What the waterfall shows of a loss that pieces and rates tell; None where they do not."""
    account = found.account
    outputs = [part.output for part in found.made]
    made = bridge(NF, account.durations, outputs, account.slow_lost)
    if not made.is_whole:
        return None
    known = [loss.seconds for level in made.levels for loss in level.losses if loss.kind == kind]
    return sum(known, Decimal(0))


def _less(rows: Iterable[Input]) -> list[Input]:
    return [replace(row, amount=None if row.amount is None else -row.amount) for row in rows]


def _slow(found: Kpi) -> list[Input]:
    """Each stretch of slow running, by what the ideal rate would not have needed of it."""
    account = found.account
    slow = [segment for segment in account.segments if segment.slow is not None]
    lost = [(segment.slow or 0) * (segment.duration // timedelta(microseconds=1)) for segment in slow]
    shown = round_parts([Decimal(one.numerator) / one.denominator / 1_000_000 for one in lost], MICROSECOND)
    return [
        Input(
            class_word(segment.time_class),
            amount,
            segment.start,
            segment.end,
            segment.order_code,
            f"/equipment/{found.paced_by.code}/?{urlencode({'at': segment.start.isoformat()})}",
        )
        for segment, amount in zip(slow, shown, strict=True)
    ]


def _cycles(found: Kpi, name: str) -> list[Input]:
    return [_cycled(part, name) for part in found.made]


BRIDGED: Mapping[str, Callable[[Kpi], list[Input]]] = {
    "S": _slow,
    "RUN − TN − S": lambda k: [*_times(k, RUN), *_less(_cycles(k, "total")), *_less(_slow(k))],
    "TN − TU": lambda k: [*_cycles(k, "total"), *_less(_cycles(k, "good"))],
}


def judged(found: Kpi) -> list[Made]:
    """Parts the figures are about: outside every order and at no known rate, pieces are beside them."""
    if not any(part.use.code for part in found.made):
        return list(found.made)
    return [part for part in found.made if part.use.code or part.rate]


def _times(found: Kpi, classes: frozenset[str]) -> tuple[Input, ...]:
    durations = found.account.durations
    return tuple(
        Input(
            what=class_word(name),
            amount=seconds(durations[name]),
            start=found.account.start,
            end=found.account.end,
            evidence=figure_href(
                found.equipment.code, "time", found.account.start, found.account.end, **{"class": name}
            ),
        )
        for name in CLASSES
        if name in classes and durations.get(name)
    )


def _cycled(part: Made, name: str) -> Input:
    output = part.output
    pieces: Decimal | None = getattr(output, name)
    if pieces == 0:
        return _input(part, Decimal(0), _("no pieces"))
    if pieces is None:
        return _input(part, None, _("pieces not known"))
    if output.cycle is None:
        return _input(part, None, _("no ideal rate"))
    how = _("%(pieces)s × 3600 s / %(rate)s per hour") % {
        "pieces": quantity(pieces),
        "rate": quantity(Decimal(3600) / output.cycle),
    }
    return _input(part, pieces * output.cycle, how)


def _counted(part: Made, name: str) -> Input:
    return _input(part, getattr(part.output, name), "")


def _input(part: Made, amount: Decimal | None, how: str) -> Input:
    what = " · ".join(text for text in (part.use.code, part.product_code) if text) or _("outside orders")
    evidence = f"/orders/{part.use.code}/#quantities" if part.use.code else ""
    return Input(what, amount, part.use.start, part.use.end, how, evidence)


def _breakdowns(found: Kpi) -> tuple[Input, ...]:
    """Breakdowns begun in the window, each counted once however its reasons cut it."""
    account = found.account
    starts = {s.stop_start for s in account.segments if s.time_class == BREAKDOWN and s.stop_start}
    return tuple(
        Input(
            class_word(BREAKDOWN),
            Decimal(1),
            at,
            None,
            "",
            f"/equipment/{found.paced_by.code}/?{urlencode({'at': at.isoformat()})}",
        )
        for at in sorted(at for at in starts if at is not None and at >= account.segments[0].start)
    )


def _excluded(found: Kpi) -> tuple[Excluded, ...]:
    """Time and pieces beside the figure; each with why."""
    rows = []
    durations = found.account.durations
    for name, why in (
        (UNKNOWN, _("nothing was received: subtracted from every time")),
        ("closed", _("outside shifts")),
    ):
        if durations.get(name):
            rows.append(Excluded(class_word(name), seconds(durations[name]), SECONDS, why))
    beside = [part for part in found.made if part not in judged(found) and part.good]
    pieces = sum((part.good for part in beside if part.good), Decimal(0))
    if pieces:
        why = _("counted outside every order, at no known rate")
        rows.append(Excluded(_("Pieces"), pieces, PIECES, why))
    doubted = sum((s.duration for s in found.account.contradicted), timedelta())
    if doubted:
        why = _("a reason was given for it; the machine ran, and counts as running")
        rows.append(Excluded(_("Reason contradicted by the machine"), seconds(doubted), SECONDS, why))
    return tuple(rows)
