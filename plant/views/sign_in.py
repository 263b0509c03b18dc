"""Signing in and out, choosing a password, choosing a language."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import views
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect, render
from django.urls import reverse, reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_lazy as late
from django.views.decorators.http import require_POST

from plant import services
from plant.access import actor_of, public
from plant.models import User

LANGUAGES = ("en", "fr")
YEAR = 365 * 24 * 3600
ROLE_WORDS = {
    "operator": late("Operator"),
    "supervisor": late("Supervisor"),
    "engineer": late("Engineer"),
    "quality": late("Quality"),
    "maintenance": late("Maintenance"),
    "admin": late("Administrator"),
}


def language_remember(response: HttpResponse, language: str) -> None:
    response.set_cookie("language", language, max_age=YEAR, httponly=True, samesite="Lax")


class SignIn(views.LoginView):
    """By account and password; the screen then speaks the person's language."""

    template_name = "plant/login.html"
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        person = getattr(form.get_user(), "person", None)
        if person is not None and person.language in LANGUAGES:
            language_remember(response, person.language)
        return response


class PasswordChange(views.PasswordChangeView):
    """Asked for by the person, or by us after a one-time password."""

    template_name = "plant/password_change.html"
    success_url = reverse_lazy("me")

    def form_valid(self, form: Any) -> HttpResponse:
        assert isinstance(self.request.user, User)
        on_the_way_in = self.request.user.must_change_password
        services.password_changed(user=self.request.user, by=actor_of(self.request))
        kept = super().form_valid(form)
        return redirect(settings.LOGIN_REDIRECT_URL) if on_the_way_in else kept


sign_in = public(SignIn.as_view())
sign_out = public(views.LogoutView.as_view(next_page=reverse_lazy("login")))
password_change = public(PasswordChange.as_view())


@public
@login_required
def me(request: HttpRequest) -> HttpResponse:
    """What the product knows about who is signed in."""
    person = getattr(request.user, "person", None)
    held = person.roles.select_related("scope").order_by("scope__path", "role") if person else []
    roles = [(ROLE_WORDS[each.role], each.scope.name or each.scope.code) for each in held]
    return render(request, "plant/me.html", {"person": person, "roles": roles})


@public
@require_POST
def language(request: HttpRequest) -> HttpResponse:
    """One tap: the other language, on the page one was on."""
    wanted, target = request.POST.get("language", ""), request.POST.get("next", "")
    hosts = {request.get_host()}
    if not url_has_allowed_host_and_scheme(target, hosts, require_https=request.is_secure()):
        target = "/"
    response = HttpResponseRedirect(target)
    response.status_code = 303
    if wanted in LANGUAGES:
        language_remember(response, wanted)
    return response


def locked_out(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Too many wrong passwords of one account from one place."""
    return render(request, "plant/locked.html", {"login_url": reverse("login")}, status=429)
