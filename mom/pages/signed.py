"""What was signed beside what is known, in the reader's words, and what each difference came from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as late
from django.utils.translation import ngettext

from mom.pages import words
from mom.pages.board import reason_names
from mom.pages.day_causes import CAUSE_WORDS
from mom.pages.origins import end_word, origin_word
from mom.signing.causes import Causes, causes_of, each
from mom.signing.figures import Figures, changes, comparable

if TYPE_CHECKING:
    from mom.signing.models import Restated, Signed

FIGURE_WORDS = {
    "complete": late("Data of the whole shift"),
    "planned": late("Planned"),
    "possible": late("Possible at the ideal rate"),
    "good": late("Good pieces"),
    "trs": late("TRS (NF E60-182)"),
    "oee": late("OEE (ISO 22400-2)"),
    "availability": late("Availability"),
    "effectiveness": late("Effectiveness"),
    "quality": late("Quality ratio"),
    "uncoded_seconds": late("Stop time without a reason"),
    "uncoded_stops": late("Stops without a reason"),
    "state": late("State of the order"),
    "product": late("Product"),
    "plan_version": late("Version of the plan"),
    "unit": late("Unit"),
    "start": late("Start of the order"),
    "end": late("End of the order"),
    "worked_seconds": late("Time worked on it"),
    "started": late("Pieces started"),
    "scrap": late("Rejected pieces"),
    "remainder": late("Remainder on the line"),
    "span_seconds": late("The order's span"),
    "decisions": late("Decisions"),
}
OPEN_WORDS = {
    "request": late("maintenance request"),
    "action": late("action"),
    "call": late("help call"),
    "deviation": late("deviation"),
    "order": late("order to make"),
}
RATIOS = frozenset({"trs", "oee", "availability", "effectiveness", "quality"})
INSTANTS = frozenset({"start", "end"})
PLAIN = frozenset({"product", "unit", "deviations"})


@dataclass(frozen=True, slots=True)
class Why:
    """One thing recorded since: what, by whom, when."""

    what: str
    by: str
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Changed:
    """A figure as signed and as known, in the reader's words, and what its difference can have come from."""

    path: str
    what: str
    signed: str
    known: str
    why: tuple[Why, ...]


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One restatement: when it was noticed, what differed from what was known until then, and why."""

    at: datetime
    rows: tuple[Changed, ...]
    why: tuple[Why, ...]


def changed(signed: Signed, known: Figures, causes: Causes, zone: ZoneInfo) -> list[Changed]:
    """Figures that are no longer as signed. ``causes``: what was recorded since the signature."""
    return _rows(changes(signed.figures, comparable(known, signed.figures)), causes, zone)


def log_of(restatements: Sequence[Restated], zone: ZoneInfo) -> list[LogEntry]:
    """The restatement log, newest first."""
    return [
        LogEntry(
            row.recorded_at,
            tuple(_rows(row.changes, row.causes, zone)),
            tuple(_why(kind, item, reason_names(_given(row.causes))) for kind, item in each(row.causes)),
        )
        for row in sorted(restatements, key=lambda item: item.recorded_at, reverse=True)
    ]


def _rows(found: dict[str, list[Any]], causes: Causes, zone: ZoneInfo) -> list[Changed]:
    names = reason_names(_codes(found) | _given(causes))
    return [
        Changed(
            path,
            _what(path, names),
            _shown(path, signed, zone),
            _shown(path, known, zone),
            tuple(_why(kind, row, names) for kind, row in causes_of(path, causes)),
        )
        for path, (signed, known) in found.items()
    ]


def _codes(found: dict[str, list[Any]]) -> set[str]:
    """Reasons named by the figures' paths."""
    named = (path.partition("/")[2].split(" ") for path in found if path.startswith(("causes/", "stops/")))
    return {parts[1] for parts in named if len(parts) > 1}


def _given(causes: Causes) -> set[str]:
    """Reasons given since, and those they replaced."""
    said = causes.get("reasons", ())
    return {code for row in said for code in (row["reason"], row.get("before")) if code}


def _what(path: str, names: dict[str, str]) -> str:
    section, slash, name = path.partition("/")
    if not slash:
        return str(FIGURE_WORDS.get(section, section))
    if section == "seconds":
        return words.class_word(name)
    if section == "causes":
        return _cause_word(name, names)
    if section == "open":
        return _("Left open: %(what)s") % {"what": name}
    if section == "stops":
        machine, _space, reason = name.partition(" ")
        what = _("stops without a reason") if reason == "-" else names.get(reason, reason)
        return origin_word(machine, what)
    told = {
        "orders": _("%(what)s, good"),
        "lots": _("Lot %(what)s"),
        "materials": _("%(what)s used"),
        "tests": _("Checks: %(what)s"),
        "deviations": _("Deviation %(what)s"),
        "requests": _("Maintenance request %(what)s"),
    }
    return told.get(section, "%(what)s") % {"what": name}


def _cause_word(name: str, names: dict[str, str]) -> str:
    kind, reason, machine, origin = ("" if part == "-" else part for part in name.split(" ", 3))
    label = str(CAUSE_WORDS.get(kind) or words.class_word(kind))
    what = words.class_and_reason(label, names.get(reason, reason)) if reason else end_word(origin) or label
    return _("%(cause)s, pieces") % {"cause": origin_word(machine, what)}


def _shown(path: str, value: str | None, zone: ZoneInfo) -> str:
    section = path.partition("/")[0]
    if value is None:
        return "–"
    if section == "open":
        return str(OPEN_WORDS.get(value, value))
    if section == "state":
        return words.order_state_word(value)
    if section in INSTANTS:
        return words.day_clock(datetime.fromisoformat(value), zone)
    if section in PLAIN:
        return value
    try:
        number = Decimal(value)
    except InvalidOperation:
        return value
    if path in RATIOS:
        return words.percent(number)
    if section in ("seconds", "stops") or section.endswith("_seconds"):
        return words.span(float(number))
    return words.quantity(number if section in ("lots", "materials") else round(number))


def _why(kind: str, row: dict[str, Any], names: dict[str, str]) -> Why:
    at = datetime.fromisoformat(row["at"]) if row.get("at") else None
    return Why(_said(kind, row, names), str(row.get("by", "")), at)


def _said(kind: str, row: dict[str, Any], names: dict[str, str]) -> str:
    if kind in ("late_counter", "late_state"):
        told = ngettext("%(n)d late value of %(signal)s", "%(n)d late values of %(signal)s", row["count"])
        return told % {"n": row["count"], "signal": row["signal"]}
    if kind == "reasons":
        return _reason_said(row, names)
    if kind == "events":
        return _("order %(order)s: %(verb)s") % row
    if kind == "plans":
        return _("plan of %(order)s, version %(version)s") % row
    if kind == "configuration":
        return _("configuration: %(what)s %(subject)s") % row
    sentences = {
        "counts": _("count %(quantity)s %(kind)s"),
        "rates": _("ideal rate of %(equipment)s: %(rate)s/h"),
        "lots": _("lot %(lot)s: %(quantity)s %(kind)s"),
        "tests": _("check %(check)s: %(value)s"),
        "deviations": _("deviation %(code)s"),
        "decisions": _("decision: %(what)s"),
    }
    return sentences[kind] % {**row, **_readable(row)}


def _readable(row: dict[str, Any]) -> dict[str, str]:
    numbers = {name: row[name] for name in ("quantity", "rate", "value") if row.get(name) is not None}
    return {name: words.quantity(Decimal(str(value))) for name, value in numbers.items()}


def _reason_said(row: dict[str, Any], names: dict[str, str]) -> str:
    machine = row.get("equipment", "")
    reason, before = (names.get(code, code) if code else "" for code in (row["reason"], row.get("before")))
    if not reason:
        return origin_word(machine, _("reason taken back: %(reason)s") % {"reason": before or "–"})
    if before and before != reason:
        return origin_word(
            machine, _("reason %(before)s → %(reason)s") % {"before": before, "reason": reason}
        )
    return origin_word(machine, _("reason %(reason)s") % {"reason": reason})
