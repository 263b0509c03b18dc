"""Giving one reason to several stops, each on the time axis and as the author saw it."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.core.exceptions import ObjectDoesNotExist, PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from mom.pages.lookup import safe_next
from mom.pages.words import labelled
from plant import selectors
from plant.access import Actor, actor_of, require
from production import selectors as production
from production import services

MOST = 500


@require_POST
@require("stop.code")
def stops_code(request: HttpRequest) -> HttpResponse:
    """Each ticked stop gets the reason or says why not; one refused does not take back the others."""
    reason, comment = request.POST.get("reason", ""), request.POST.get("comment", "").strip()
    chosen = request.POST.getlist("stop")[:MOST]
    back = redirect(safe_next(request, "/stops/"))
    if not reason or not chosen:
        messages.error(request, _("Tick at least one stop and choose a reason."))
        return back
    given, refused = 0, []
    for value in chosen:
        try:
            with transaction.atomic():
                _code(value, reason, comment, actor_of(request))
            given += 1
        except ObjectDoesNotExist:
            refused.append(_("%(value)s: no such machine") % {"value": value})
        except PermissionDenied as refusal:
            refused.append(str(refusal))
        except services.StaleView:
            machine = value.split("|")[0]
            refused.append(_("%(machine)s: the stop changed meanwhile; look again") % {"machine": machine})
        except ValueError as refusal:
            refused.append(labelled(value.split("|")[0], refusal))
    if given:
        text = ngettext("Reason given to %(n)d stop.", "Reason given to %(n)d stops.", given)
        messages.success(request, text % {"n": given})
    for text in refused[:5]:
        messages.error(request, text)
    return back


def _code(value: str, reason_code: str, comment: str, by: Actor) -> None:
    """``value`` is machine|start|seen end. A reason already there is corrected, not covered."""
    code, start_text, end_text = (*value.split("|"), "", "")[:3]
    equipment = selectors.equipment_by_code(code)
    start = datetime.fromisoformat(start_text)
    end = datetime.fromisoformat(end_text) if end_text else None
    held = production.told(production.stops(by).filter(work_unit_id=equipment.pk, start_time=start)[:1])
    said = held[0].said if held else None
    exactly = said is not None and said.start_time == start and said.end_time in (end, None)
    services.reason_assert(
        equipment_id=equipment.pk,
        start_time=start,
        end_time=end,
        seen_end=end,
        reason_code=reason_code,
        comment=comment,
        by=by,
        supersedes=said.pk if said is not None and exactly else None,
    )
