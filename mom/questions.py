"""The seven questions of a production order, answered yes, no or not known, each with what it rests on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mom.improvement.selectors import open_actions
from mom.pages.losses import LOST
from mom.pages.words import joined, labelled, span
from mom.record.model import Answer
from plant import selectors as plant
from plant.access import Actor, Grant
from production import selectors as production
from production.domain.account import Account
from production.selectors.instructions import order_instructions
from production.selectors.lookups import job_order_for_id, job_order_running, orders_together
from production.selectors.stopped import overlapping
from quality import selectors as quality
from traceability import selectors as traceability

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.models import JobOrder

YES, NO, NOT_KNOWN = "yes", "no", "not_known"
REPEATED = 3  # a reason given so often in one order is a repeated loss
NAMED = 3
INSTANT = timedelta(microseconds=1)
Verdict = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Asked:
    """An order, the machine that paces its line, and that machine's account of the order's time.

    ``uncoded``: stops of all machines of the line in the order's time that wait for a reason. ``lots``: of
    the order, where two questions share one reading.
    """

    order: JobOrder
    constraint: Equipment | None
    account: Account | None
    now: datetime
    uncoded: int
    lots: traceability.OrderLots | None = None


def seven_questions(
    *,
    job_order_id: int,
    now: datetime | None = None,
    paced: tuple[Equipment, Account | None] | None = None,
    uncoded: int | None = None,
) -> tuple[Answer, ...]:
    """The right thing, method and material; limits, known losses, evidence, learning. Raises DoesNotExist.

    ``paced``: the machine that paces the line with its account of the order's time, where read already;
    ``uncoded``: the line's stops in that time that wait for a reason, likewise.
    """
    order, now = job_order_for_id(job_order_id), now or timezone.now()
    waiting = _uncoded(order, now) if uncoded is None else uncoded
    lots = traceability.order_lots(job_order_id=order.pk)
    asked = Asked(order, *(_paced(order, now) if paced is None else paced), now, waiting, lots)
    record = f"/orders/{asked.order.code}/"
    answers = (
        ("thing", _("The right thing?"), right_thing(asked), f"{record}#versions"),
        ("method", _("By the right method?"), right_method(asked), f"{record}#plan"),
        ("material", _("From the right material?"), right_material(asked), f"{record}#lots"),
        ("limits", _("Within quality limits?"), within_limits(asked), f"{record}#quality"),
        ("losses", _("Is time lost for a known reason?"), known_losses(asked), f"{record}#stops"),
        ("evidence", _("Does it leave traceability evidence?"), leaves_evidence(asked), f"{record}#lots"),
        ("learning", _("Do we learn from repeated losses?"), *_learning(asked)),
    )
    return tuple(
        Answer(key, question, verdict[0], verdict[1], evidence)
        for key, question, verdict, evidence in answers
    )


def _uncoded(order: JobOrder, now: datetime) -> int:
    """As its line's page lists them, within the order's time."""
    if order.started_at is None:
        return 0
    actor = Actor(label="questions", grants=(Grant("supervisor", order.line.path),))
    within = overlapping(order.started_at, order.ended_at or now)
    return production.stops_uncoded(actor).filter(within).count()


def _paced(order: JobOrder, now: datetime) -> tuple[Equipment | None, Account | None]:
    constraint = plant.line_constraint(order.line_id)
    account = None
    if constraint is not None and order.started_at is not None:
        end = order.ended_at or now
        if end > order.started_at:
            read = production.accounts(equipment=[constraint], start=order.started_at, end=end)
            account = read.get(constraint.pk)
    return constraint, account


def right_thing(asked: Asked) -> Verdict:
    """Whether the machine that paces the line says it is working on this order."""
    order = asked.order
    if order.started_at is None:
        return NOT_KNOWN, _("not started")
    if asked.constraint is None:
        return NOT_KNOWN, _("no machine is declared to pace the line")
    at = (order.ended_at or asked.now) - INSTANT
    running = job_order_running(equipment_ids=[asked.constraint.pk], at=at)
    if running is None:
        return NOT_KNOWN, _("%(machine)s does not say which order it works on") % {
            "machine": asked.constraint.name
        }
    words = {"machine": asked.constraint.name, "code": running.code}
    if running.pk == order.pk:
        return YES, _("%(machine)s says it works on %(code)s") % words
    together = orders_together(equipment_id=asked.constraint.pk, line_id=order.line_id, at=at)
    if order in together:
        words["code"] = ", ".join(each.code for each in together)
        return YES, _("%(machine)s says it works on %(code)s") % words
    return NO, _("%(machine)s says it works on %(code)s") % words


def right_method(asked: Asked) -> Verdict:
    """Whether the order follows a routing in force, and its instructions were read as they are in force."""
    method = asked.order.work_master
    if method is not None and not method.is_active:
        words = {"code": method.code, "version": method.version}
        return NO, _("routing %(code)s, version %(version)d, is no longer in force") % words
    read = _instructions_verdict(asked)
    if read is not None and (read[0] != YES or method is None):
        return read
    if method is None:
        return NOT_KNOWN, _("the order names no routing")
    words = {"code": method.code, "version": method.version}
    routing = _("routing %(code)s, version %(version)d, is in force") % words
    return YES, joined((routing, read[1])) if read else routing


def _instructions_verdict(asked: Asked) -> Verdict | None:
    """Whether somebody confirmed each instruction of the order; None where it has none."""
    if asked.order.started_at is None:
        return None
    told = [each for each in order_instructions(asked.order, now=asked.now) if each.current]
    if not told:
        return None
    unread = [each for each in told if not each.is_read]
    if unread:
        names = ", ".join(f"{each.shown.name} v{each.shown.version}" for each in unread[:NAMED])
        return NO, labelled(_("instruction nobody has confirmed reading"), names)
    text = ngettext(
        "%(n)d instruction, read in the version in force", "%(n)d instructions, read in the version in force",
        len(told),
    )  # fmt: skip
    return YES, text % {"n": len(told)}


def right_material(asked: Asked) -> Verdict:
    answer = traceability.material_answer(job_order_id=asked.order.pk, read=asked.lots)
    if answer.verdict == NO:
        return NO, _("used, but not in the bill of materials: %(names)s") % {
            "names": _materials(answer.wrong)
        }
    if answer.missing:
        names = {"names": _materials(answer.missing)}
        return NOT_KNOWN, _("no lot scanned yet of %(names)s") % names
    if answer.verdict == YES:
        return YES, _("every lot used is in the bill of materials")
    return NOT_KNOWN, _("no bill of materials and no lot is known")


def _materials(ids: Sequence[int]) -> str:
    rows = plant.configuration_rows("plant.MaterialDefinition", pk__in=list(ids))
    return ", ".join(str(getattr(row, "name", row)) for row in rows)


def within_limits(asked: Asked) -> Verdict:
    answer = quality.limits_answer(asked.order, now=asked.now)
    if answer.failed:
        text = ngettext("%(n)d check outside its limits", "%(n)d checks outside their limits", answer.failed)
        return NO, text % {"n": answer.failed}
    text = ngettext("%(n)d check within limits", "%(n)d checks, all within limits", answer.passed)
    passed = text % {"n": answer.passed} if answer.passed else ""
    if answer.overdue:
        return NOT_KNOWN, joined((_overdue(asked), passed))
    return answer.verdict, passed or _("no check recorded")


def _overdue(asked: Asked) -> str:
    """How many checks are overdue, and which, the longest first."""
    due = quality.checks_due(asked.order, now=asked.now)
    names = [check.specification.name for check in due[:NAMED]]
    text = ngettext("%(n)d check overdue", "%(n)d checks overdue", len(due)) % {"n": len(due)}
    return labelled(text, ", ".join([*names, *(["…"] if len(due) > NAMED else [])]))


def known_losses(asked: Asked) -> Verdict:
    """Whether every stop of the line that needs a reason has one; lost time is the pacing machine's."""
    account = asked.account
    if asked.uncoded:
        text = ngettext("%(n)d stop without a reason", "%(n)d stops without a reason", asked.uncoded)
        return NO, text % {"n": asked.uncoded}
    if account is None or asked.constraint is None:
        return NOT_KNOWN, _("no account of the order's time yet")
    known = account.span - account.durations.get("unknown", timedelta())
    if not known:
        return NOT_KNOWN, _("no data from the machine")
    if account.uncoded:
        because = _("%(span)s without a reason") % {"span": span(account.uncoded)}
        return NO, labelled(asked.constraint.name, because)
    lost = sum((s.duration for s in account.segments if s.time_class in LOST), timedelta())
    because = _("%(span)s lost, all of it with a reason or too short to need one") % {"span": span(lost)}
    return YES, labelled(asked.constraint.name, because)


def leaves_evidence(asked: Asked) -> Verdict:
    verdict = traceability.evidence_answer(job_order_id=asked.order.pk, read=asked.lots)
    because = {
        YES: _("lots made and every expected material scanned"),
        NO: _("lots used or made are missing"),
        NOT_KNOWN: _("nothing expected and nothing scanned yet"),
    }
    return verdict, because[verdict]


def _learning(asked: Asked) -> tuple[Verdict, str]:
    """Whether each reason given three times or more in the order has an open action, and where to see."""
    if asked.account is None or asked.constraint is None:
        return (NOT_KNOWN, _("no account of the order's time yet")), "/actions/"
    repeated = repeated_reasons(asked.account)
    if not repeated:
        return (YES, _("no reason came up three times in this order")), "/actions/"
    places = [asked.constraint.pk, asked.order.line_id]
    acted = set(open_actions(equipment_ids=places).values_list("reason__code", flat=True))
    rows = plant.configuration_rows("plant.Reason", code__in=list(repeated))
    names = {str(row.code): str(row.name) for row in rows}  # type: ignore[attr-defined]
    open_ones = [code for code in repeated if code not in acted and code in names]
    if open_ones:
        code = open_ones[0]
        words = {"reason": names[code], "n": repeated[code]}
        about = {
            "equipment": asked.constraint.code,
            "reason": code,
            "evidence": f"/orders/{asked.order.code}/",
        }
        link = f"/actions/new/?{urlencode(about)}"
        return (NO, _("%(reason)s came up %(n)d times and has no open action") % words), link
    code = next(iter(repeated))
    words = {"reason": names.get(code, code), "n": repeated[code]}
    return (YES, _("%(reason)s came up %(n)d times and has an open action") % words), "/actions/"


def repeated_reasons(account: Account) -> dict[str, int]:
    """Reasons by how many stops they were given to, the most frequent first; below three is not repeated."""
    stops = {(s.reason_code, s.stop_start) for s in account.segments if s.reason_code and s.stop_start}
    counted = Counter(code for code, _start in stops)
    return {code: count for code, count in counted.most_common() if count >= REPEATED}
