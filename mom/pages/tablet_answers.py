"""What a tablet is answered after a write: done with a way back, or refused with what to do instead."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse

from mom.pages.tablet_session import wants_json


class SeeOther(HttpResponse):
    """After a form is done: look there, with GET (RFC 9110 §15.4.4)."""

    status_code = 303

    def __init__(self, where: str) -> None:
        super().__init__(headers={"Location": where})


def done(request: HttpRequest, message: str, *, undo: str = "", where: str = "") -> HttpResponse:
    """The write is kept. ``undo`` is the address that takes it back, offered for ten seconds."""
    where = where or reverse("tablet_station")
    messages.success(request, message, extra_tags=f"undo:{undo}" if undo else "")
    if wants_json(request):
        return JsonResponse({"message": message, "undo": undo, "where": where})
    return SeeOther(where)


def refused(
    request: HttpRequest,
    message: str,
    *,
    status: int = 409,
    template: str = "mom/tablet_refused.html",
    **context: Any,
) -> HttpResponse:
    """Nothing was written: why, and what can be done instead."""
    return render(request, template, {"message": message, **context}, status=status)
