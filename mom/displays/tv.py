"""Displays on the wall: a line, or the whole plant, read from afar; nothing to touch, never stale unsaid."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from mom.displays.reading import TvLine, tv_lines
from mom.pages.etags import POLLED, answer_304, etag_of, with_etag
from mom.pages.lookup import line_or_404, lines_seen
from plant.access import actor_of, require

if TYPE_CHECKING:
    from plant.models import Equipment

# Faster than this nobody has read a screen; slower, nobody waits for it.
FASTEST, SLOWEST = 5, 600


def rotation(request: HttpRequest) -> int:
    """Seconds each screen is shown, as ``?rotate=`` asks; 0: the screen stays."""
    asked = request.GET.get("rotate", "")
    return min(max(int(asked), FASTEST), SLOWEST) if asked.isdecimal() and len(asked) < 6 else 0


def _address(request: HttpRequest, path: str) -> str:
    """A screen's address in the light asked for; dark where none is."""
    return f"{path}?{urlencode({'theme': 'light'})}" if request.GET.get("theme") == "light" else path


def _screens(request: HttpRequest) -> list[str]:
    """What the display goes through: the plant, then each line the reader may see."""
    lines = lines_seen(request)
    found = [reverse("tv_line", args=[line.code]) for line in lines]
    return [_address(request, path) for path in ([reverse("tv"), *found] if len(lines) > 1 else found)]


@require_safe
@require("view")
def tv(request: HttpRequest) -> HttpResponse:
    """Every line of the reader as a tile; ``?rotate=30`` goes through the lines."""
    return _answer(request, lines_seen(request), "mom/tv_plant.html")


@require_safe
@require("view")
def tv_line(request: HttpRequest, code: str) -> HttpResponse:
    """One line over the whole screen; ``?rotate=30`` goes on to the others."""
    return _answer(request, [line_or_404(request, code)], "mom/tv_line.html")


def _answer(request: HttpRequest, lines: list[Equipment], template: str) -> HttpResponse:
    now = timezone.now()
    revisions: dict[Equipment, str] = {line: line.revision for line in lines}  # type: ignore[attr-defined]
    etag = etag_of(request, ",".join(revisions.values()), now)
    if unchanged := answer_304(request, etag):
        return unchanged
    found: list[TvLine] = tv_lines(revisions, now=now)
    context = {
        "lines": found,
        "tv": found[0] if found else None,
        "now": now,
        "etag": etag,
        "part": template,
        "poll": _address(request, request.path),
        "rotate": rotation(request),
        "screens": _screens(request),
        "light": request.GET.get("theme") == "light",
        "may_enrol": actor_of(request).may("device.enrol"),
    }
    return with_etag(render(request, template if POLLED in request.headers else "mom/tv.html", context), etag)
