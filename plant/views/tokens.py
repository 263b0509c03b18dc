"""Keys for programs: made, listed, revoked. The secret is on the screen once."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from plant import selectors, services
from plant.access import actor_of, require
from plant.forms import TokenForm
from plant.models import User


@require("view")
@login_required
@never_cache
def tokens(request: HttpRequest) -> HttpResponse:
    assert isinstance(request.user, User)
    form, secret = TokenForm(request.POST or None), ""
    if request.method == "POST" and form.is_valid():
        _token, secret = services.token_create(user=request.user, by=actor_of(request), **form.cleaned_data)
        form = TokenForm()
    context = {"form": form, "secret": secret, "tokens": selectors.tokens_of(request.user)}
    line = selectors.lines(actor_of(request)).first()
    with timezone.override(selectors.site_zone(line) if line else None):
        return render(request, "plant/tokens.html", context, status=201 if secret else 200)


@require("view")
@login_required
@require_POST
def token_revoke(request: HttpRequest, token_key: str) -> HttpResponse:
    assert isinstance(request.user, User)
    token = get_object_or_404(selectors.tokens_of(request.user), token_key=token_key)
    services.token_revoke(token=token, by=actor_of(request))
    response = HttpResponseRedirect(reverse("tokens"))
    response.status_code = 303
    return response
