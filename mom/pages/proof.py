"""Who signs, proven again at that moment: by password, or by badge and PIN on an enrolled tablet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib.auth import authenticate
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from mom.signing.services import PASSWORD, PIN, SigningRefused
from mom.tablet.answers import refusal_message
from mom.tablet.session import device_of
from plant import selectors, services
from plant.access import Actor, actor_of
from plant.services.devices import BadgeRefused


def proven(request: HttpRequest, given: Mapping[str, Any], user: Any = None) -> tuple[Actor, str]:
    """The signer and how they proved it. ``given``: ``password``, or ``badge`` and ``pin``.

    A PIN proves somebody on an enrolled tablet only, where five wrong ones lock it. ``user``: the account
    behind an API key. Raises SigningRefused.
    """
    if given.get("pin") or given.get("badge"):
        return _by_badge(request, str(given.get("badge", "")).strip(), str(given.get("pin", ""))), PIN
    user = user or request.user
    who, password = user.get_username(), given.get("password", "")
    if not who or authenticate(request, username=who, password=password) is None:
        raise SigningRefused(_("the password is not yours: nothing was signed"))
    return actor_of(request), PASSWORD


def _by_badge(request: HttpRequest, badge: str, pin: str) -> Actor:
    device = device_of(request)
    if device is None:
        raise SigningRefused(_("badge and PIN sign on an enrolled tablet only: give your password"))
    try:
        person = services.badge_in(device=device, badge=badge, pin=pin, now=timezone.now())
    except BadgeRefused as refusal:
        raise SigningRefused(refusal_message(refusal.code, badge)) from None
    return selectors.actor_for_person(person, device=device)


def asks_for(request: HttpRequest) -> dict[str, Any]:
    """What the form asks for: badge and PIN on a tablet, else the password of the account."""
    device = device_of(request)
    actor = actor_of(request)
    badge = actor.label if device is not None and actor.person_id else ""
    return {"by_badge": device is not None, "badge": badge}
