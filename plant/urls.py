from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from plant.api.urls import documentation, router
from plant.views import sign_in, tokens

page_urlpatterns: list[URLPattern | URLResolver] = [
    path("login/", sign_in.sign_in, name="login"),
    path("logout/", sign_in.sign_out, name="logout"),
    path("password/", sign_in.password_change, name="password"),
    path("language/", sign_in.language, name="language"),
    path("me/", sign_in.me, name="me"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/<str:token_key>/revoke/", tokens.token_revoke, name="token-revoke"),
    *documentation,
]
api_urlpatterns: list[URLPattern | URLResolver] = [*router.urls]
