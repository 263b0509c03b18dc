"""Signing a shift, taking it over, and saying openly when a signed figure is no longer what is known."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from mom.signing.causes import causes_since
from mom.signing.figures import Figures, changes, comparable, digest_of, figures_of
from mom.signing.models import Acknowledgement, Restatement, ShiftReport
from mom.signing.open_then import open_then
from mom.signing.selectors import report_of
from plant import audit
from plant import selectors as plant
from plant.access import Actor
from plant.services import revision_bump
from production import selectors as production

if TYPE_CHECKING:
    from plant.models import CalendarSlot
    from production.selectors import LineDay

log = logging.getLogger(__name__)
SUBJECT = "shift_report"
# Signed shifts are compared with what is known for so long; a year-old value still shows on the page itself.
WATCHED = timedelta(days=30)
PASSWORD, PIN = "password", "pin"


class SigningRefused(ValueError):
    """What is asked for cannot be signed or taken over like this; the message says why."""

    is_bad_input = True


def shift_figures(*, shift: CalendarSlot, told: LineDay) -> Figures:
    """All that is signed of a shift: what it made and lost, and what it left open."""
    return figures_of(told, open_then(line=shift.line, start=shift.start_time, end=shift.end_time))


def signed_name(by: Actor) -> str:
    """The signer's name as printed at that moment. Raises SigningRefused for an account without a person."""
    if by.person_id is None:
        raise SigningRefused(_("only a person signs: this account has no person"))
    [person] = plant.configuration_rows("plant.Person", pk=by.person_id)
    return str(person)


@transaction.atomic
def shift_sign(
    *,
    shift: CalendarSlot,
    by: Actor,
    notes: str = "",
    seen: str = "",
    signed_with: str = PASSWORD,
    at: datetime | None = None,
) -> ShiftReport:
    """Freeze a shift's figures as they are known. Signing again supersedes, and needs a note that says why.

    ``seen``: digest of the figures the signer looked at; others by now are not signed unseen.
    ``signed_with``: how they proved at this moment who they are.

    Raises SigningRefused before the shift has ended or without data of it, PermissionDenied.
    """
    at, line = at or timezone.now(), shift.line
    by.require("shift.sign", line)
    before, told = _signable(shift, by=by, notes=notes, at=at)
    figures = shift_figures(shift=shift, told=told)
    if seen and seen != digest_of(figures):
        raise SigningRefused(_("the figures changed while you looked at them: look again, then sign"))
    report = ShiftReport.objects.create(
        line=line,
        shift_code=shift.code,
        production_day=shift.production_day,
        start_time=shift.start_time,
        end_time=shift.end_time,
        figures=figures,
        digest=digest_of(figures),
        notes=notes.strip(),
        signed_name=signed_name(by),
        signed_with=signed_with,
        said_by_id=by.person_id,
        said_on_id=by.device_id,
        said_at=at,
        supersedes=before,
    )
    _written(report, "sign", by=by, at=at, after={"digest": report.digest}, why=notes)
    return report


def _signable(
    shift: CalendarSlot, *, by: Actor, notes: str, at: datetime
) -> tuple[ShiftReport | None, LineDay]:
    """The report it supersedes, and the shift as known. Nobody else signs the line until the end."""
    signed_name(by)
    if at < shift.end_time:
        raise SigningRefused(_("the shift has not ended yet: nothing is signed before it is over"))
    lock(43, shift.line_id)
    before = report_of(line_id=shift.line_id, start=shift.start_time)
    if before is not None and not notes.strip():
        raise SigningRefused(_("this shift is signed already: say in the notes why it is signed again"))
    told = production.line_shift(line_id=shift.line_id, shift=shift)
    if told is None:
        raise SigningRefused(_("no data of this shift, or no machine declared to pace the line"))
    return before, told


def lock(what: int, which: int) -> None:
    """Nobody else signs or compares this until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [what, which])


@transaction.atomic
def shift_acknowledge(*, report: ShiftReport, by: Actor, at: datetime | None = None) -> Acknowledgement:
    """Take the line over. Raises SigningRefused by who signed it, or for a report signed again since."""
    at = at or timezone.now()
    by.require("shift.acknowledge", report.line)
    if ShiftReport.objects.filter(supersedes=report).exists():
        raise SigningRefused(_("this report was signed again since: read the newer one"))
    if by.person_id is None:
        raise SigningRefused(_("only a person takes over: this account has no person"))
    if by.person_id == report.said_by_id:
        raise SigningRefused(_("a hand-over takes two: whoever signed cannot take over from themselves"))
    found, is_new = Acknowledgement.objects.get_or_create(
        report=report, defaults={"person_id": by.person_id, "actor": by.label[:80], "recorded_at": at}
    )
    if is_new:
        _written(report, "acknowledge", by=by, at=at, after={"by": by.label}, why="")
    elif found.person_id != by.person_id:
        raise SigningRefused(_("%(who)s has taken over already") % {"who": found.person})
    return found


def restatements_find(*, now: datetime | None = None) -> int:
    """Compare signed shifts with what is known now; append what changed. Returns how many changed.

    Each in a transaction of its own: one that cannot be compared is logged and stops no other.
    """
    now = now or timezone.now()
    reports = ShiftReport.objects.filter(superseded_by=None, end_time__gte=now - WATCHED)
    return each_compared(reports.select_related("line"), lambda report: _restate(report, now))


def each_compared(signed: Iterable[Any], compare: Callable[[Any], bool]) -> int:
    """How many of what was signed are known otherwise by now; one that cannot be compared stops no other."""
    changed = 0
    for item in signed:
        try:
            changed += compare(item)
        except Exception:
            log.exception("comparing %s with what is known failed, others go on", item)
    return changed


@transaction.atomic
def _restate(report: ShiftReport, now: datetime) -> bool:
    lock(43, report.line_id)
    shift = _slot(report)
    told = production.line_shift(line_id=report.line_id, shift=shift) if shift else None
    if told is None:
        return False
    last = report.restatements.order_by("-id").first()
    known, since = (last.figures, last.recorded_at) if last else (report.figures, report.said_at)
    figures = comparable(shift_figures(shift=shift, told=told), report.figures)
    found = changes(known, figures)
    if found:
        Restatement.objects.create(
            report=report,
            figures=figures,
            changes=found,
            causes=causes_since(report=report, since=since),
            recorded_at=now,
        )
        revision_bump(line_id=report.line_id)
    return bool(found)


def _slot(report: ShiftReport) -> Any:
    """The shift as it was when signed: a calendar edited since does not move what was signed."""
    slots = plant.day_shifts(line_id=report.line_id, day=report.production_day)
    return next((slot for slot in slots if slot.start_time == report.start_time), None)


def _written(
    report: ShiftReport, verb: str, *, by: Actor, at: datetime, after: dict[str, Any], why: str
) -> None:
    audit.record(
        by=by, action=f"{SUBJECT}.{verb}", subject_type=SUBJECT, subject_code=str(report)[:120], why=why,
        after=after, at=at,
    )  # fmt: skip
    revision_bump(line_id=report.line_id)
