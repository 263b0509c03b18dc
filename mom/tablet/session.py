"""Who stands at which station: the enrolled tablet, its person, and what waits for them to badge in."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import wraps
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse

from mom.tablet.drafts import draft_keep
from mom.tablet.outbox import (
    Unbelieved,
    actor_then,
    answer_told,
    entry_of,
    kept_trace,
    key_of,
    time_check,
)
from plant import env, selectors, services
from plant.access import ACTIONS, NOBODY, Action, Actor, actor_of
from plant.selectors.actors import DEVICE_COOKIE, TABLET_PERSON
from plant.services.idempotency import KeyReused

if TYPE_CHECKING:
    from plant.models import Device, Equipment, Person

# Nobody touched the tablet for this long: the person is signed out, what they typed is kept.
IDLE = timedelta(minutes=env.integer("TABLET_IDLE_MINUTES", 10, minimum=1))
STATION = "tablet_station"
TRAIL = "tablet"
NOT_KEPT = {"csrfmiddlewaretoken"}

View = Callable[..., HttpResponseBase]


@dataclass(frozen=True, slots=True)
class Station:
    """What a tablet stands at: a line or one of its machines, and who uses it now."""

    equipment: Equipment
    line: Equipment
    units: list[Equipment]
    device: Device | None

    @property
    def constraint(self) -> Equipment | None:
        """The machine the station's figures are read from: its own, else the line's declared constraint."""
        if self.equipment.level == "work_unit":
            return self.equipment
        return next((unit for unit in self.units if unit.is_constraint), None)


def device_of(request: HttpRequest) -> Device | None:
    return selectors.device_for_secret(request.COOKIES.get(DEVICE_COOKIE, ""))


def station_of(request: HttpRequest) -> Station | None:
    """The enrolled tablet's station; for an account without a tablet, the line it chose to look at."""
    device = device_of(request)
    equipment = device.equipment if device else _chosen(request)
    line = selectors.line_of(equipment) if equipment else None
    if equipment is None or line is None:
        return None
    return Station(equipment, line, selectors.line_work_units(line.pk), device)


def _chosen(request: HttpRequest) -> Equipment | None:
    actor = actor_of(request)
    wanted = request.GET.get("station") or request.session.get(STATION, "")
    line = selectors.lines(actor).filter(code=wanted).first() if wanted else None
    if line is not None and request.session.get(STATION) != line.code:
        request.session[STATION] = line.code
    return line


def wants_json(request: HttpRequest) -> bool:
    return "application/json" in request.headers.get("Accept", "")


def is_poll(request: HttpRequest) -> bool:
    return "X-Poll" in request.headers


def person_enter(request: HttpRequest, person: Person) -> None:
    """The tablet is this person's until they sign out or leave it alone; the session gets a new id."""
    request.session.cycle_key()
    request.session[TABLET_PERSON] = person.pk
    request.session.set_expiry(IDLE)
    request.actor = selectors.actor_for_request(request)  # type: ignore[attr-defined]


def person_leave(request: HttpRequest) -> None:
    request.session.flush()
    request.actor = selectors.actor_for_request(request)  # type: ignore[attr-defined]


def reads(view: View) -> View:
    """A tablet page anyone at the station may look at. A touch (not a poll) postpones the sign-out."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        actor = actor_of(request)
        if actor is NOBODY:
            return redirect("tablet_start")
        actor.require("view")
        if TABLET_PERSON in request.session and not is_poll(request):
            request.session.modified = True
        return view(request, *args, **kwargs)

    guarded.required_action = "view"  # type: ignore[attr-defined]
    return guarded


def writes(action: Action) -> Callable[[View], View]:
    """A tablet write: a draft until somebody badges in; a double tap counts once."""
    if action not in ACTIONS:
        raise KeyError(f"unknown action {action!r}")

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            actor = actor_of(request)
            if actor is NOBODY:
                return redirect_to_login(reverse("tablet_station"))
            if request.method != "POST":
                return HttpResponse(status=405, headers={"Allow": "POST"})
            if (before := _answered(request, actor)) is not None:
                return before
            if (entry := entry_of(request)) and entry.is_late:
                return _late(request, action, lambda: view(request, *args, **kwargs))
            if actor.person_id is None and actor.device_id is not None:
                then = _lapsed(request, actor)
                if then is None:
                    return _draft_keep(request)
                actor = request.actor = then  # type: ignore[attr-defined]
            actor.require(action)
            if TABLET_PERSON in request.session:
                request.session.modified = True
            return answer_told(request, write_once(request, actor, lambda: view(request, *args, **kwargs)))

        guarded.required_action = action  # type: ignore[attr-defined]
        return guarded

    return decorate


def _late(request: HttpRequest, action: Action, write: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """An entry that waited on the tablet, written as who tapped it; every refusal comes back as data."""
    entry, actor = entry_of(request), actor_of(request)
    assert entry is not None
    try:
        time_check(entry)
        if action == "view" and not entry.person:
            # The trail of what nobody entered, taken back by nobody: it is not the next person's either.
            actor = replace(actor, person_id=None, label=TRAIL) if actor.device_id else actor
        else:
            actor = actor_then(entry, actor, device_of(request))
    except Unbelieved as refused:
        return answer_told(request, refusal(str(refused), status=409))
    if actor.person_id is None and actor.device_id is not None and action != "view":
        return JsonResponse({"badge": reverse("tablet_badge")}, status=401)
    request.actor = actor  # type: ignore[attr-defined]
    try:
        actor.require(action)
        answer = write_once(request, actor, write)
    except (PermissionDenied, Http404) as refused:
        answer = refusal(str(refused), status=403 if isinstance(refused, PermissionDenied) else 404)
    return answer_told(request, answer)


def _lapsed(request: HttpRequest, actor: Actor) -> Actor | None:
    """Who tapped just now although the session is over here, by the proof the tablet holds; else None."""
    entry = entry_of(request)
    if entry is None or not entry.person:
        return None
    try:
        return actor_then(entry, actor, device_of(request))
    except Unbelieved:
        return None


def refusal(message: str, *, status: int) -> HttpResponse:
    answer = HttpResponse(message, status=status)
    answer.refusal = message  # type: ignore[attr-defined]
    return answer


def _fields(request: HttpRequest) -> list[tuple[str, str]]:
    return sorted(
        (name, value) for name, values in request.POST.lists() if name not in NOT_KEPT for value in values
    )


def _draft_keep(request: HttpRequest) -> HttpResponseBase:
    where = reverse("tablet_badge")
    if entry_of(request) or wants_json(request):
        # The tablet keeps it itself, and sends it once somebody has badged in.
        return JsonResponse({"badge": where}, status=401)
    answer = redirect(where)
    draft_keep(request, _fields(request), answer)
    return answer


def write_once(request: HttpRequest, actor: Actor, write: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """Run a write once per the form's hidden key; the same key gets the first answer again."""
    key = key_of(request)
    if not key:
        return _whole(write)
    asked = _asked(request, actor)
    with transaction.atomic():
        try:
            kept = services.answer_kept(**asked)
        except KeyReused:
            # The form was changed and sent again, such as after the back button: that is another write.
            return _whole(write)
        if kept is not None:
            return _answer_read(kept.answer, kept.status)
        answer = write()
        if answer.status_code >= 400:
            transaction.set_rollback(True)
            return answer
        kept_trace(request)
        services.answer_keep(**asked, status=answer.status_code, answer=_written(answer))
    return answer


def _asked(request: HttpRequest, actor: Actor) -> dict[str, Any]:
    """A key is one tap on one tablet: the same one from another tablet or account is another write."""
    return {
        "caller": f"tablet:{actor.device_id}" if actor.device_id else actor.label,
        "key": key_of(request),
        "route": f"POST {request.path}",
        "body": urlencode(_fields(request)).encode(),
    }


def _answered(request: HttpRequest, actor: Actor) -> HttpResponseBase | None:
    """What an entry was answered before, whoever is signed in by now and whatever they may: it is written.

    Asked before anything is refused, so that a lost answer does not become a refusal entered again.
    """
    if entry_of(request) is None:
        return None
    with transaction.atomic():
        try:
            kept = services.answer_kept(**_asked(request, actor))
        except KeyReused:
            return None
    return None if kept is None else _answer_read(kept.answer, kept.status)


def _whole(write: Callable[[], HttpResponseBase]) -> HttpResponseBase:
    """All of a write or, when it is refused, none of it."""
    with transaction.atomic():
        answer = write()
        if answer.status_code >= 400:
            transaction.set_rollback(True)
    return answer


def _written(answer: HttpResponseBase) -> dict[str, str]:
    content = answer.content.decode() if isinstance(answer, HttpResponse) else ""
    return {
        "content": content,
        "type": answer.headers.get("Content-Type", ""),
        "location": answer.headers.get("Location", ""),
    }


def _answer_read(kept: Any, status: int) -> HttpResponse:
    answer = HttpResponse(kept["content"], status=status, content_type=kept["type"] or None)
    if kept["location"]:
        answer.headers["Location"] = kept["location"]
    answer.headers["Idempotent-Replay"] = "true"
    return answer


def key_new() -> str:
    """A key for one form: whoever sends it twice is answered twice and counted once."""
    return str(uuid.uuid4())


def go(request: HttpRequest, where: str) -> HttpResponseBase:
    """Nothing was written; look there."""
    return JsonResponse({"where": where}) if wants_json(request) else redirect(where)
