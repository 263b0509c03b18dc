"""What lets a tablet be installed and opened without contact, and the trail of entries that waited on it."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles import finders
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.templatetags.static import static
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from mom.outbox.services import DECIDED, entry_trace
from mom.tablet import session
from mom.tablet.answers import done, refused
from mom.tablet.outbox import tapped_at
from plant.access import actor_of, public

# Everything a page of the tablet loads; the tests compare it with what a browser asks for.
ASSETS = (
    "vendor/bootstrap/bootstrap.min.css",
    "css/tokens.css",
    "css/app.css",
    "css/operator.css",
    "tablet/tablet.css",
    "js/app.js",
    "tablet/store.js",
    "tablet/outbox.js",
    "tablet/signed.js",
    "tablet/waiting.js",
    "tablet/pages.js",
    "tablet/tablet.js",
    "img/favicon.svg",
    "img/icons.svg",
)
ICONS = ((192, "any"), (512, "any"), (512, "maskable"))


@public
@require_safe
def worker(request: HttpRequest) -> HttpResponseBase:
    """The service worker; its text changes with any file it keeps, so a new release replaces the old copy."""
    head = f"const RELEASE = {json.dumps(_release())};\nconst ASSETS = {json.dumps(_addresses())};\n"
    answer = HttpResponse(head + _text("tablet/worker.js"), content_type="text/javascript; charset=utf-8")
    answer.headers["Cache-Control"] = "no-cache"
    return answer


def _addresses() -> list[str]:
    return [static(name) for name in ASSETS]


def _release() -> str:
    return _digest() if not settings.DEBUG else _digest.__wrapped__()


@lru_cache(maxsize=1)
def _digest() -> str:
    """Of the files' contents: the same on every web process of a release."""
    digest = hashlib.sha256()
    for name in (*ASSETS, "tablet/worker.js"):
        digest.update(_text(name).encode())
    return digest.hexdigest()[:16]


def _text(name: str) -> str:
    found = finders.find(name) or Path(settings.STATIC_ROOT) / name
    return Path(str(found)).read_text(encoding="utf-8")


@public
@require_safe
def manifest(request: HttpRequest) -> HttpResponseBase:
    """What a browser needs to install the tablet like an app."""
    icons = [
        {
            "src": static(f"tablet/icon-{size}{'-maskable' if purpose == 'maskable' else ''}.png"),
            "sizes": f"{size}x{size}",
            "type": "image/png",
            "purpose": purpose,
        }
        for size, purpose in ICONS
    ]
    vector = {"src": static("img/favicon.svg"), "sizes": "any", "type": "image/svg+xml", "purpose": "any"}
    told = {
        "id": reverse("tablet_station"),
        "name": _("Operator tablet"),
        "short_name": _("Tablet"),
        "lang": get_language(),
        "start_url": reverse("tablet_station"),
        "scope": "/tablet/",
        "display": "standalone",
        "orientation": "any",
        "background_color": "#e9ecef",
        "theme_color": "#2c3742",
        "icons": [*icons, vector],
    }
    answer = JsonResponse(told, content_type="application/manifest+json")
    answer.headers["Cache-Control"] = "no-cache"
    answer.headers["Vary"] = "Cookie, Accept-Language"
    return answer


@session.writes("view")
def trace(request: HttpRequest) -> HttpResponseBase:
    """A person dismissed, corrected or took back an entry that had not become one here: kept as a trail."""
    outcome, key = request.POST.get("outcome", ""), request.POST.get("entry", "")[:80]
    if outcome not in DECIDED or not key:
        return refused(request, _("This cannot be kept: the entry is not named."), status=422)
    entry_trace(
        key=key,
        outcome=outcome,
        route=request.POST.get("route", ""),
        words=request.POST.get("words", ""),
        why=request.POST.get("why", "")[:2000],
        tapped_at=tapped_at(request),
        by=actor_of(request),
    )
    return done(request, _("Dismissed; it stays in the trail."))
