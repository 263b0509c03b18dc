"""A poll of a line that has not changed, or is drawn already, is answered by one question.

Two hundred screens ask every two seconds, and most of what an answer takes is finding out again who asks.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from django.conf import settings
from django.contrib.auth import SESSION_KEY
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from mom.pages.etags import POLLED, answer_304, etag_of
from mom.pages.line import drawing_held
from plant import selectors
from plant.access import NOBODY, Actor, actor_of
from plant.selectors import Polled
from plant.selectors.actors import DEVICE_COOKIE

Handler = Callable[[HttpRequest], HttpResponse]
LINE = re.compile(r"/lines/([^/]+)/")
# Beyond so many sessions one process starts anew.
MOST_KNOWN = 10_000


class _Reader(NamedTuple):
    """Who a session was, and what that follows from: read before it was found out, and never the same again
    once it changed.
    """

    user_id: int
    follows_from: tuple[str, ...]
    actor: Actor


_known: dict[str, _Reader] = {}


def forget() -> None:
    """Find out anew who asks."""
    _known.clear()


class Polls:
    """Answers whoever holds the newest copy of a line page, or whose newest copy is drawn already; all else
    goes the whole way.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        line = LINE.fullmatch(request.path_info) if _is_repeated(request) else None
        key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
        if line is None or not key:
            return self.get_response(request)
        now, known = timezone.now(), _known.get(key)
        if known is not None:
            polled = selectors.poll_read(session_key=key, user_id=known.user_id, line_code=line[1])
            if polled is not None and known.follows_from == polled.reader:
                return _answer(request, known.actor, polled, now) or self.get_response(request)
        return self._whole_way(request, key, line[1])

    def _whole_way(self, request: HttpRequest, key: str, line_code: str) -> HttpResponse:
        """Who asks is found out, and remembered with what that followed from before it was."""
        # The session says itself whose it is; that it is good is found out on the way.
        user_id = int(request.session.get(SESSION_KEY) or 0)
        polled = selectors.poll_read(session_key=key, user_id=user_id, line_code=line_code)
        response = self.get_response(request)
        actor = actor_of(request)
        if polled is not None and response.status_code in (200, 304) and actor is not NOBODY:
            if len(_known) >= MOST_KNOWN:
                _known.clear()
            _known[key] = _Reader(user_id, polled.reader, actor)
        return response


def _answer(request: HttpRequest, actor: Actor, polled: Polled, now: datetime) -> HttpResponse | None:
    if not actor.may("view", polled.path):
        return None
    request.actor = actor  # type: ignore[attr-defined]
    etag = etag_of(request, polled.revision, now)
    return answer_304(request, etag) or drawing_held(request, polled, etag, now)


def _is_repeated(request: HttpRequest) -> bool:
    """A poll of someone who holds a copy. A tablet is also whoever took it last: it goes the whole way."""
    headers = request.headers
    held = POLLED in headers and "If-None-Match" in headers
    return held and request.method == "GET" and DEVICE_COOKIE not in request.COOKIES
