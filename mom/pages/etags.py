"""Unchanged is answered from one indexed read: a tag of the line's revision, language, rights and minute."""

from __future__ import annotations

import hashlib
from datetime import datetime

from django.http import HttpRequest, HttpResponse, HttpResponseNotModified
from django.utils.cache import patch_vary_headers
from django.utils.translation import get_language

from plant.access import actor_of

POLLED = "X-Poll"


def etag_of(request: HttpRequest, revision: str, now: datetime) -> str:
    """A page changes with its lines, its reader's language and rights, and as time passes by minute."""
    parts = (revision, reader_of(request), now.strftime("%Y%m%d%H%M"))
    return f'"{hashlib.sha256("|".join(parts).encode()).hexdigest()[:24]}"'


def reader_of(request: HttpRequest) -> str:
    """What one reader's copy of a page differs by from another's: language, rights, and what is asked for."""
    rights = ",".join(sorted(f"{grant.role}@{grant.path}" for grant in actor_of(request).grants))
    return "|".join((str(get_language()), rights, request.get_full_path()))


def answer_304(request: HttpRequest, etag: str) -> HttpResponse | None:
    """For polls and programs. A whole page also shows messages and the light, which the tag does not tell."""
    whole_page = "text/html" in request.headers.get("Accept", "")
    if whole_page or request.headers.get("If-None-Match") != etag:
        return None
    response = HttpResponseNotModified()
    response["ETag"] = etag
    return response


def with_etag(response: HttpResponse, etag: str) -> HttpResponse:
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    patch_vary_headers(response, ("Cookie", "Accept-Language", POLLED))
    return response
