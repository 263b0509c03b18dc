"""Every address of the product, asked for by nobody, by each role in its scope, by each of another site."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.contrib import admin
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from plant.access import ACTIONS, ROLES
from plant.models import User
from plant.rest import action_of
from tests.architecture.access_samples import MARK, SAMPLES, World, world_make
from tests.factories import plant as make

Callback = Callable[..., Any]
NOT_HERE = {409, 410, 422}
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WORDS = {"at", "shared", "own", "everywhere", "empty", "send", "headers"}
OPEN = {"public", "signed_in"}
ARGUMENT = re.compile(r"\(\?P<(\w+)>(?:[^()]|\([^)]*\))*\)|<(?:\w+:)?(\w+)>")


def address_of(route: str) -> str:
    """A route as people write it: api/v1/^lots/(?P<code>[^/]+)$ is api/v1/lots/<code>."""
    named = ARGUMENT.sub(lambda found: f"<{found[1] or found[2]}>", route)
    return named.replace("^", "").replace("$", "").replace("\\Z", "")


def walk(resolver: URLResolver, prefix: str = "") -> Iterator[tuple[str, Callback]]:
    for pattern in resolver.url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from walk(pattern, route)
        elif isinstance(pattern, URLPattern):
            yield address_of(route), pattern.callback


@dataclass(frozen=True, slots=True)
class Listed:
    address: str
    rules: dict[str, str]
    at: str = ""
    shared: bool = False
    own: bool = False
    everywhere: bool = False
    empty: bool = False
    headers: dict[str, str] = field(default_factory=dict)
    send: dict[str, str] = field(default_factory=dict)

    @property
    def sends_to_ours(self) -> bool:
        return any(str(value).startswith("$") for value in self.send.values())


def listed_read() -> dict[str, Listed]:
    rows = yaml.safe_load((Path(__file__).parent / "access.yaml").read_text())
    found = {}
    for address, row in rows.items():
        rules = {key: value for key, value in row.items() if key in METHODS}
        assert set(row) - set(rules) <= WORDS, f"{address}: unknown words {set(row) - set(rules) - WORDS}"
        found[address] = Listed(address, rules, **{key: row[key] for key in WORDS & set(row)})
    return found


LISTED = listed_read()


def served() -> dict[str, Callback]:
    """Addresses in use, the administration's aside: it has one rule, tested below."""
    return {address: view for address, view in walk(get_resolver()) if not address.startswith("admin/")}


def methods_of(view: Callback) -> set[str] | None:
    """What a view answers; None for a function, which does not say."""
    if hasattr(view, "actions"):
        return {name.upper() for name in view.actions} - {"HEAD", "OPTIONS"}
    if (view_class := getattr(view, "cls", None)) is not None:
        return {method for method in METHODS if hasattr(view_class, method.lower())}
    return None


def declared(view: Callback, method: str) -> str | None:
    """The action a view says it requires. AttributeError when it says nothing."""
    if hasattr(view, "required_action"):
        by_method: dict[str, str] = getattr(view, "required_actions", {})
        if not hasattr(view, "cls") or view.required_action is None:
            return by_method.get(method, view.required_action)
    instance = view.cls(**getattr(view, "initkwargs", {}))  # type: ignore[attr-defined]
    instance.action = getattr(view, "actions", {}).get(method.lower())
    return action_of(instance, method)


def test_every_address_is_listed_and_every_listed_one_exists() -> None:
    here, there = set(served()), set(LISTED)
    assert sorted(here - there) == [], "add each to tests/architecture/access.yaml"
    assert sorted(there - here) == [], "remove each from tests/architecture/access.yaml"


def test_every_rule_is_an_action() -> None:
    for row in LISTED.values():
        assert set(row.rules.values()) <= set(ACTIONS) | OPEN, row
        assert not row.at or row.at in SAMPLES, row
        assert ("<" in row.address) == bool(row.at), f"{row.address}: arguments come from a sample"


@pytest.mark.parametrize("address", sorted(LISTED))
def test_a_view_requires_what_the_list_says(address: str) -> None:
    row, view = LISTED[address], served().get(address)
    if view is None:
        pytest.skip("told by the test of the list itself")
    methods = methods_of(view)
    assert methods in (None, set(row.rules)), "list every method the API answers"
    for method, wanted in row.rules.items():
        expected = None if wanted in OPEN else wanted
        assert declared(view, method) == expected, method


@dataclass(frozen=True, slots=True)
class Asker:
    """Someone who asks. ``inside``: whether the role is held on our line."""

    name: str
    role: str = ""
    inside: bool = False


ASKERS = [
    Asker("nobody"),
    *(Asker(f"{role} here", role, True) for role in ROLES),
    *(Asker(f"{role} elsewhere", role) for role in ROLES),
]


def client_of(asker: Asker, world: World) -> tuple[Client, World]:
    client = Client()
    if not asker.role:
        return client, world
    place = world.ours if asker.inside else world.elsewhere
    user: User = make.account_make(asker.role, place.site)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session["tablet_station"] = place.line.code
    session.save()
    return client, replace(world, user=user)


def ask(
    client: Client,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
) -> HttpResponse:
    """One request, taken back, so that every asker finds the same plant."""
    options: dict[str, Any] = {"headers": headers or {}}
    if path.startswith("/api/"):
        options["content_type"] = "application/json"
    if body and method != "GET":
        options["data"] = body
    with transaction.atomic():
        answer: HttpResponse = getattr(client, method.lower())(path, **options)
        transaction.set_rollback(True)
    return answer


def sent_to_sign_in(answer: HttpResponse) -> bool:
    where = answer.headers.get("Location", "")
    return answer.status_code == 302 and where.startswith(("/login/", "/tablet/start/"))


def verdict(answer: HttpResponse) -> str:
    if answer.status_code in (401, 403) or sent_to_sign_in(answer):
        return "refused"
    return "missing" if answer.status_code == 404 else "answered"


def body_of(row: Listed, world: World) -> dict[str, Any]:
    ours = {"$line": world.ours.line.code, "$unit": world.ours.unit.code}
    return {key: ours.get(str(value), value) for key, value in row.send.items()}


def expected(row: Listed, rule: str, asker: Asker) -> set[str]:
    if rule == "public":
        return {"answered", "refused"}  # a page may still lead to another one
    if not asker.role:
        return {"refused"}
    if rule != "signed_in" and asker.role not in ACTIONS[rule]:
        return {"refused"}
    if row.everywhere:
        # Only for those who administer every site, which neither asker does: there are two.
        return {"refused"}
    if row.at and not (asker.inside or row.shared or row.own):
        return {"refused", "missing"}
    return {"answered"} if row.at and not row.empty else {"answered", "missing"}


def tells_of_ours(answer: HttpResponse, path: str) -> bool:
    """Whether the answer names anything of our site, beyond echoing the address asked for."""
    body = b"" if answer.streaming else answer.content
    for asked in (path, *path.strip("/").split("/")):
        body = body.replace(asked.encode(), b"")
    return MARK.encode() in body


def is_right(row: Listed, rule: str, asker: Asker, method: str, answer: HttpResponse, path: str) -> bool:
    """Whether an asker got what the list says: an answer, a refusal, or nothing of ours."""
    outside = asker.role and not asker.inside and not row.shared and rule not in OPEN
    if outside and verdict(answer) == "answered" and tells_of_ours(answer, path):
        return False
    if outside and method != "GET" and row.sends_to_ours:
        return answer.status_code >= 400 or sent_to_sign_in(answer)
    if outside and row.at and answer.status_code in NOT_HERE | ({200} if method == "GET" else set()):
        return True  # a page of their own place, or "not here": nothing of ours was told
    if rule == "public" and answer.status_code in (401, 403):
        return False
    return verdict(answer) in expected(row, rule, asker)


@pytest.mark.django_db
@pytest.mark.parametrize("address", sorted(LISTED))
def test_an_address_answers_only_those_it_is_meant_for(address: str) -> None:
    row, world = LISTED[address], world_make()
    askers = [(asker, *client_of(asker, world)) for asker in ASKERS]
    ours = SAMPLES[row.at](world) if row.at and not row.own else {}
    for asker, client, own_world in askers:
        arguments = SAMPLES[row.at](own_world) if row.own else ours
        path = "/" + re.sub(r"<(\w+)>", lambda found: str(arguments[found[1]]), address)  # noqa: B023
        for method, rule in row.rules.items():
            answer = ask(client, method, path, body_of(row, world), row.headers)
            told = f"{method} {path} as {asker.name}: {answer.status_code}"
            assert answer.status_code < 500 or address in ("readyz", "health"), told
            assert is_right(row, rule, asker, method, answer, path), told


@pytest.mark.django_db
def test_a_key_of_somebody_else_is_not_there() -> None:
    world = world_make()
    client, own = client_of(Asker("admin here", "admin", True), world)
    path = f"/tokens/{SAMPLES['foreign_token'](own)['token_key']}/revoke/"
    assert ask(client, "POST", path).status_code == 404


ADMIN_PAGES = [
    (model._meta.label, f"/admin/{model._meta.app_label}/{model._meta.model_name}/")
    for model in sorted(admin.site._registry, key=lambda model: model._meta.label)
]


@pytest.mark.django_db
def test_master_data_forms_are_for_administrators_of_every_site() -> None:
    world = world_make()
    everywhere = make.person_make("admin", world.ours.site)
    everywhere.roles.create(role="admin", scope=world.elsewhere.site)
    allowed = Client()
    allowed.force_login(make.user_make(everywhere), backend="django.contrib.auth.backends.ModelBackend")
    others = [client_of(asker, world)[0] for asker in ASKERS if asker.role]
    for path in ["/admin/", *(path for _, path in ADMIN_PAGES)]:
        nobody = Client().get(path, follow=True)
        assert nobody.redirect_chain[-1][0].startswith("/login/?next=/admin/"), path
        assert {client.get(path, follow=True).status_code for client in others} == {403}, path
    for label, path in ADMIN_PAGES:
        if label.split(".")[0] not in ("auth", "axes", "knox"):
            assert ask(allowed, "GET", path).status_code == 200, path


@pytest.mark.django_db
def test_nothing_that_was_received_or_said_can_be_edited_in_a_form() -> None:
    root = Client()
    root.force_login(
        User.objects.create_superuser("root", password="x" * 12),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    for model in admin.site._registry:
        if getattr(model, "append_only", False):
            path = f"/admin/{model._meta.app_label}/{model._meta.model_name}/add/"
            assert ask(root, "GET", path).status_code == 403, path
