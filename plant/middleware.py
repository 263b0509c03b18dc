"""What every request gets: a content security policy, its actor and that person's language."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse, QueryDict
from django.shortcuts import redirect
from django.utils import translation
from django.utils.translation import gettext as _

from plant import selectors
from plant.access import NOBODY

Handler = Callable[[HttpRequest], HttpResponse]

POLICY = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; form-action 'self'; object-src 'none'"
)
# Charts and the API's try-out page style elements from their own vendored scripts.
RELAXED_STYLE = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
RELAXED_PATHS = ("/api/docs", "/admin/")
# Where someone with a one-time password may go.
OWING_PATHS = ("/password/", "/logout/", "/language/", "/static/")


class ContentSecurityPolicy:
    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        policy = RELAXED_STYLE if request.path.startswith(RELAXED_PATHS) else POLICY
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers.setdefault("Referrer-Policy", "same-origin")
        return response


class PlainText:
    """Refuses the character NUL, which the database cannot keep, in the address and in forms of pages.

    JSON is checked field by field where it is read.
    """

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if "\0" in request.path_info or _holds_nul(request.GET):
            return _unreadable(request, _("The address holds a character no text can hold."))
        is_form = request.method == "POST" and not request.path.startswith("/api/")
        if is_form and _holds_nul(request.POST):
            return _unreadable(request, _("The form holds a character no text can hold."))
        return self.get_response(request)


def _holds_nul(given: QueryDict) -> bool:
    return any("\0" in name or any("\0" in text for text in texts) for name, texts in given.lists())


def _unreadable(request: HttpRequest, said: str) -> HttpResponse:
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": said}, status=400)
    return HttpResponseBadRequest(said, content_type="text/plain; charset=utf-8")


class CurrentActor:
    """Puts ``request.actor``: the tablet's person, the signed-in account, or nobody."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        request.actor = selectors.actor_for_request(request)  # type: ignore[attr-defined]
        if getattr(request.user, "must_change_password", False) and not request.path.startswith(OWING_PATHS):
            return _password_ask(request)
        return self.get_response(request)


def _password_ask(request: HttpRequest) -> HttpResponse:
    """A one-time password opens nothing but the page where another one is chosen."""
    if request.path.startswith("/api/"):
        return JsonResponse({"detail": "choose a password of your own first"}, status=403)
    return redirect("password")


class PersonLanguage:
    """Language of the screen: the one chosen with one tap (cookie), else the browser's."""

    def __init__(self, get_response: Handler) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        chosen = request.COOKIES.get("language", "")
        language = chosen if chosen in {"en", "fr"} else translation.get_language_from_request(request)
        translation.activate(language)
        request.LANGUAGE_CODE = language  # type: ignore[attr-defined]
        response = self.get_response(request)
        response.headers.setdefault("Content-Language", language)
        response.headers.setdefault("Vary", "Cookie, Accept-Language")
        return response


__all__ = ["NOBODY", "ContentSecurityPolicy", "CurrentActor", "PersonLanguage", "PlainText"]
