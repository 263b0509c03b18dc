"""The record in words: a verdict in one sentence, and the seven lines of the story."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mom.pages.words import day_clock, joined, labelled, piece_word, quantity, span
from mom.record.amounts import Rework, ScrapReason
from mom.record.model import (
    Completeness,
    DeviationRow,
    Head,
    LotRow,
    SaidRow,
    StopGroup,
    StopRow,
    StoryLine,
    TestRow,
    TimeSplit,
)

MINUTE = 60
SHOWN_LOTS = 4


@dataclass(frozen=True, slots=True)
class Told:
    """What the sentences are made from."""

    head: Head
    zone: ZoneInfo
    good: Decimal | None
    scrap: Decimal | None
    scrap_reasons: tuple[ScrapReason, ...]
    rework: Rework | None
    split: TimeSplit | None
    lost_seconds: int | None
    groups: Sequence[StopGroup]
    stops: Sequence[StopRow]
    lots: Sequence[LotRow]
    tests: Sequence[TestRow]
    deviations: Sequence[DeviationRow]
    decisions: Sequence[SaidRow]
    completeness: Completeness

    @property
    def checks(self) -> list[TestRow]:
        """Results that count: a corrected one is shown, and counted in nothing."""
        return [row for row in self.tests if not row.replaced]


def share(part: Decimal, whole: Decimal) -> str:
    return f"{number_format(round(part * 100 / whole, 1), 1)} %"


def verdict(told: Told) -> str:
    """What happened, when, what it cost and why, what it did to quality; parts not known are said to be."""
    if told.head.start is None:
        return _not_started(told.head, told.zone)
    parts = [_output(told), _timeliness(told.head), _loss(told), _quality(told)]
    sentence = joined(parts)
    return sentence[:1].upper() + sentence[1:] + "."


def _not_started(head: Head, zone: ZoneInfo) -> str:
    if head.state == "aborted":
        return _("Aborted before it was started; nothing was made.")
    if head.planned_start is None:
        return _("Not started; no start is planned.")
    return _("Not started; planned to start on %(when)s.") % {"when": day_clock(head.planned_start, zone)}


def _output(told: Told) -> str:
    head = told.head
    words = {
        "planned": quantity(head.quantity),
        "unit": piece_word(head.unit),
        "product": head.product,
        "good": quantity(told.good),
    }
    if told.good is None:
        return _("no count is known of the %(planned)s %(unit)s of %(product)s asked for") % words
    words["share"] = share(told.good, head.quantity)
    if head.state == "ended":
        return _("made %(good)s of %(planned)s %(unit)s of %(product)s (%(share)s)") % words
    if head.state == "aborted":
        return _("aborted after %(good)s of %(planned)s %(unit)s of %(product)s (%(share)s)") % words
    if head.state == "interrupted":
        return _("interrupted at %(good)s of %(planned)s %(unit)s of %(product)s (%(share)s)") % words
    return _("running: %(good)s of %(planned)s %(unit)s of %(product)s so far (%(share)s)") % words


def _timeliness(head: Head) -> str:
    against = head.due_time or head.planned_end
    if against is None or head.end is None:
        return ""
    late = int((head.end - against).total_seconds())
    if late >= MINUTE:
        return _("%(span)s late") % {"span": span(late)}
    if late <= -MINUTE:
        return _("%(span)s early") % {"span": span(-late)}
    return _("on time")


def _machine(split: TimeSplit) -> str:
    if split.is_declared and not split.is_attributed:
        return _("%(machine)s (the declared constraint)") % {"machine": split.equipment}
    return split.equipment


def _loss(told: Told) -> str:
    split, lost = told.split, told.lost_seconds
    if split is None:
        return _("no constraint is declared on the line, so lost time is not summed up")
    if lost is None:
        return _("no data from %(machine)s, so lost time is not known") % {"machine": _machine(split)}
    if lost == 0:
        return _("no time lost on %(machine)s") % {"machine": _machine(split)}
    text = _("%(span)s lost on %(machine)s") % {"span": span(lost), "machine": _machine(split)}
    if told.groups:
        first = told.groups[0]
        stops = ngettext("%(n)d stop", "%(n)d stops", first.count) % {"n": first.count}
        cause = _("most to “%(cause)s” (%(span)s, %(stops)s)")
        if first.machine and first.machine != split.equipment:
            cause = _("most of it started at %(machine)s: “%(cause)s” (%(span)s, %(stops)s)")
        text = f"{text}, " + cause % {
            "machine": first.machine,
            "cause": first.cause or first.word,
            "span": span(first.seconds),
            "stops": stops,
        }
    return text


def _quality(told: Told) -> str:
    open_ones = [row for row in told.deviations if not row.disposition]
    if told.deviations:
        count = len(told.deviations)
        text = ngettext("%(n)d deviation", "%(n)d deviations", count) % {"n": count}
        if open_ones:
            return f"{text}, " + (
                ngettext("%(n)d not decided", "%(n)d not decided", len(open_ones)) % {"n": len(open_ones)}
            )
        return f"{text}, " + _("all decided")
    failed = sum(row.verdict == "fail" for row in told.checks)
    if failed:
        return ngettext("%(n)d check outside limits", "%(n)d checks outside limits", failed) % {"n": failed}
    if told.checks:
        count = len(told.checks)
        return ngettext("%(n)d check, within limits", "%(n)d checks, all within limits", count) % {"n": count}
    return _("no quality check recorded")


def story(told: Told) -> tuple[StoryLine, ...]:
    """Planned this, executed that, lost here, this reason, this lot, this impact, this decision."""
    lines = [
        ("planned", _("Planned this"), *_planned(told), "#versions"),
        ("executed", _("Executed that"), *_executed(told), "#timeline"),
        ("lost", _("Lost here"), *_lost(told), "#time"),
        ("reason", _("For this reason"), *_reason(told), "#stops"),
        ("material", _("Material from this lot"), *_material(told), "#lots"),
        ("quality", _("This quality impact"), *_impact(told), "#quality"),
        ("decision", _("This decision taken"), *_decision(told), "#decisions"),
    ]
    return tuple(StoryLine(key, title, text, known, href) for key, title, text, known, href in lines)


def _when(start: datetime | None, end: datetime | None, zone: ZoneInfo) -> str:
    if start is None:
        return _("no time planned")
    if end is None:
        return _("from %(start)s") % {"start": day_clock(start, zone)}
    same_day = start.astimezone(zone).date() == end.astimezone(zone).date()
    finish = end.astimezone(zone).strftime("%H:%M") if same_day else day_clock(end, zone)
    return f"{day_clock(start, zone)} – {finish}"


def _planned(told: Told) -> tuple[str, bool]:
    head = told.head
    text = _("%(quantity)s %(unit)s of %(product)s on %(line)s, %(when)s (plan version %(version)d)") % {
        "quantity": quantity(head.quantity),
        "unit": piece_word(head.unit),
        "product": head.product,
        "line": head.line,
        "when": _when(head.planned_start, head.planned_end or head.due_time, told.zone),
        "version": head.version,
    }
    return text, True


def _executed(told: Told) -> tuple[str, bool]:
    head = told.head
    if head.start is None:
        return _("not started"), False
    unit = piece_word(head.unit)
    good = _("good not known") if told.good is None else _("%(n)s %(unit)s good")
    scrap = _("scrap not known") if told.scrap is None else _("%(n)s %(unit)s scrap")
    counted = ", ".join(
        (
            good % {"n": quantity(told.good), "unit": unit} if told.good is not None else good,
            scrap % {"n": quantity(told.scrap), "unit": unit} if told.scrap is not None else scrap,
        )
    )
    return labelled(_when(head.start, head.end, told.zone), counted), told.good is not None


def _lost(told: Told) -> tuple[str, bool]:
    split, lost = told.split, told.lost_seconds
    if split is None or lost is None:
        return _("not known: no data from the constraint"), False
    text = _("%(lost)s of %(span)s on %(machine)s") % {
        "lost": span(lost),
        "span": span(split.span_seconds),
        "machine": _machine(split),
    }
    return text, True


def _reason(told: Told) -> tuple[str, bool]:
    uncoded = told.completeness.uncoded_stops
    missing = (
        ngettext("%(n)d stop without a reason", "%(n)d stops without a reason", uncoded) % {"n": uncoded}
        if uncoded
        else ""
    )
    if not told.groups:
        if told.split is None or told.lost_seconds is None:
            return missing or _("not known"), False
        return missing or _("no stop on the constraint"), not missing
    said = next((row for row in told.stops if row.said_by and row.is_constraint), None)
    top = ", ".join(f"{group.word} {span(group.seconds)}" for group in told.groups[:3])
    who = _("said by %(who)s") % {"who": said.said_by} if said else ""
    return joined((top, who, missing)), bool(said) or not missing


def _material(told: Told) -> tuple[str, bool]:
    used = list(dict.fromkeys(row.lot_code for row in told.lots if row.direction == "in"))
    made = list(dict.fromkeys(row.lot_code for row in told.lots if row.direction == "out"))
    if not used and not made:
        return _("no lot recorded"), False
    parts = []
    if used:
        parts.append(_("used %(lots)s") % {"lots": _some(used)})
    if made:
        parts.append(_("made %(lots)s") % {"lots": _some(made)})
    return joined(parts), bool(used)


def _some(codes: Sequence[str]) -> str:
    shown, rest = codes[:SHOWN_LOTS], len(codes) - SHOWN_LOTS
    text = ", ".join(shown)
    if rest > 0:
        text += " " + ngettext("and %(n)d more", "and %(n)d more", rest) % {"n": rest}
    return text


def _impact(told: Told) -> tuple[str, bool]:
    parts = []
    if told.scrap is not None and told.good is not None and told.good + told.scrap > 0:
        parts.append(
            _("%(n)s %(unit)s scrap (%(share)s)")
            % {
                "n": quantity(told.scrap),
                "unit": piece_word(told.head.unit),
                "share": share(told.scrap, told.good + told.scrap),
            }
        )
        parts += _why_scrapped(told)
    if told.rework is not None:
        words = {"n": quantity(told.rework.sent), "good": quantity(told.rework.good)}
        parts.append(_("%(n)s sent to rework, %(good)s of them good since") % words)
    if told.checks:
        failed, count = sum(row.verdict == "fail" for row in told.checks), len(told.checks)
        text = ngettext(
            "%(failed)d of %(n)d check outside limits", "%(failed)d of %(n)d checks outside limits", count
        )
        parts.append(text % {"failed": failed, "n": count})
    for row in told.deviations[:2]:
        decided = row.disposition or _("not decided")
        parts.append(labelled(row.code, decided))
    return joined(parts) or _("nothing recorded"), bool(parts)


def _why_scrapped(told: Told) -> list[str]:
    """The reasons that were given, the dearest three; nothing where none was."""
    if not any(row.reason_code for row in told.scrap_reasons):
        return []
    shown = [f"{quantity(row.quantity)} {row.word}" for row in told.scrap_reasons[:3]]
    return [", ".join(shown)]


def _decision(told: Told) -> tuple[str, bool]:
    if not told.decisions:
        return _("no decision recorded"), False
    last = told.decisions[-1]
    text = labelled(f"{last.text} ({last.by}, {day_clock(last.at, told.zone)})", last.why)
    more = len(told.decisions) - 1
    if more:
        earlier = ngettext("%(n)d earlier decision", "%(n)d earlier decisions", more) % {"n": more}
        text = joined((text, earlier))
    return text, True
