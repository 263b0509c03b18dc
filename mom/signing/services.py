"""Signing a shift, taking it over, and saying openly when a signed figure is no longer what is known."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from mom.signing.figures import changes, digest_of, figures_of
from mom.signing.models import Acknowledgement, Restatement, ShiftReport
from mom.signing.selectors import causes_since, report_of
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


class SigningRefused(ValueError):
    """The shift cannot be signed or taken over as asked; the message says why."""

    is_bad_input = True


@transaction.atomic
def shift_sign(
    *, shift: CalendarSlot, by: Actor, notes: str = "", seen: str = "", at: datetime | None = None
) -> ShiftReport:
    """Freeze a shift's figures as they are known. Signing again supersedes, and needs a note that says why.

    ``seen``: digest of the figures the signer looked at; others by now are not signed unseen.

    Raises SigningRefused before the shift has ended or without data of it, PermissionDenied.
    """
    at, line = at or timezone.now(), shift.line
    by.require("shift.sign", line)
    before, told = _signable(shift, by=by, notes=notes, at=at)
    figures = figures_of(told)
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
    if by.person_id is None:
        raise SigningRefused(_("only a person signs: this account has no person"))
    if at < shift.end_time:
        raise SigningRefused(_("the shift has not ended yet: nothing is signed before it is over"))
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [43, shift.line_id])
    before = report_of(line_id=shift.line_id, start=shift.start_time)
    if before is not None and not notes.strip():
        raise SigningRefused(_("this shift is signed already: say in the notes why it is signed again"))
    told = production.line_shift(line_id=shift.line_id, shift=shift)
    if told is None:
        raise SigningRefused(_("no data of this shift, or no machine declared to pace the line"))
    return before, told


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
    changed = 0
    for report in reports.select_related("line"):
        try:
            changed += _restate(report, now)
        except Exception:
            log.exception("comparing %s with what is known failed, others go on", report)
    return changed


@transaction.atomic
def _restate(report: ShiftReport, now: datetime) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [43, report.line_id])
    shift = _slot(report)
    told = production.line_shift(line_id=report.line_id, shift=shift) if shift else None
    if told is None:
        return False
    last = report.restatements.order_by("-id").first()
    known, since = (last.figures, last.recorded_at) if last else (report.figures, report.said_at)
    figures = figures_of(told)
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
