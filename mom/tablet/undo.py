"""Taking the last entry back: a new entry that supersedes it. Nothing said is ever deleted."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.http import HttpRequest, HttpResponseBase
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mom.tablet import session
from mom.tablet.answers import done, refused
from plant import selectors
from plant.access import Actor, actor_of
from production.services import StaleView, state_assert
from production.services.assertions import Refused, count_assert, reason_assert, reasons_together

if TYPE_CHECKING:
    from plant.models.base import Assertion
    from production.models import CountAssertion, ReasonAssertion, StateAssertion

    Undoable = ReasonAssertion | CountAssertion | StateAssertion

UNDO = "tablet_undo"


def undo_remember(request: HttpRequest, entries: Sequence[Undoable]) -> str:
    """The address that takes these entries back; only the last ones of this person on this tablet."""
    token = secrets.token_urlsafe(9)
    request.session[UNDO] = {"token": token, "entries": [_kept(entry) for entry in entries]}
    return reverse("tablet_undo", args=[token])


def _kept(entry: Undoable) -> dict[str, Any]:
    kept: dict[str, Any] = {
        "pk": entry.pk,
        "equipment_id": entry.equipment_id,
        "start_time": entry.start_time.isoformat(),
        "end_time": entry.end_time.isoformat() if entry.end_time else None,
    }
    earlier = entry.supersedes
    if hasattr(entry, "state"):
        return kept | {"station": True}
    if kind := getattr(entry, "kind", ""):
        kept |= {"kind": kind, "job_order_id": getattr(entry, "job_order_id", None)}
        kept["before"] = str(getattr(earlier, "quantity", 0))
        kept["reason"] = _reason_code(earlier)
    elif code := _reason_code(earlier):
        kept["before"] = code
    return kept


def _reason_code(earlier: Assertion | None) -> str:
    reason = getattr(earlier, "reason", None)
    return reason.code if reason else ""


@session.writes("stop.code")
def undo(request: HttpRequest, token: str) -> HttpResponseBase:
    kept = request.session.get(UNDO) or {}
    station = session.station_of(request)
    if kept.get("token") != token:
        return refused(
            request, _("This can no longer be taken back here; correct it instead."), station=station
        )
    entries = kept["entries"]
    units = selectors.equipment_for_ids({entry["equipment_id"] for entry in entries})

    def about(entry: dict[str, Any]) -> tuple[str, datetime]:
        return units[entry["equipment_id"]].code, datetime.fromisoformat(entry["start_time"])

    try:
        with reasons_together(entries, about) as in_turn:
            for entry in in_turn:
                _take_back(entry, actor_of(request))
    except (StaleView, Refused) as refusal:
        return refused(request, str(refusal), station=station)
    del request.session[UNDO]
    text = ngettext("Taken back: %(n)d entry", "Taken back: %(n)d entries", len(entries))
    return done(request, text % {"n": len(entries)})


def _take_back(entry: dict[str, Any], by: Actor) -> None:
    """What stood before stands again; where nothing did, an entry without a reason, or a count of nothing."""
    start, end = datetime.fromisoformat(entry["start_time"]), entry["end_time"]
    ended = datetime.fromisoformat(end) if end else None
    if "station" in entry:
        state_assert(
            equipment_id=entry["equipment_id"],
            start_time=start,
            end_time=ended,
            state="",
            by=by,
            supersedes=entry["pk"],
            comment=_("taken back"),
        )
        return
    if "kind" in entry:
        count_assert(
            equipment_id=entry["equipment_id"],
            start_time=start,
            end_time=ended or start,
            kind=entry["kind"],
            quantity=Decimal(entry["before"]),
            by=by,
            job_order_id=entry["job_order_id"],
            reason_code=entry.get("reason", ""),
            supersedes=entry["pk"],
            comment=_("taken back"),
        )
        return
    reason_assert(
        equipment_id=entry["equipment_id"],
        start_time=start,
        end_time=ended,
        reason_code=entry.get("before", ""),
        seen_end=ended,
        by=by,
        supersedes=entry["pk"],
    )
