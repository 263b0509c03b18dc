"""Who may do what, and where. Roles grant actions; an assignment's scope is a place and all below it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any, Protocol, TypeVar

from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.db.models import Model, Q, QuerySet
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext as _

Action = str

ROLES = ("operator", "supervisor", "engineer", "quality", "maintenance", "admin")
EVERYONE = frozenset(ROLES)

# One row per action; the pages' and API's access matrix is generated from it.
ACTIONS: dict[Action, frozenset[str]] = {
    "view": EVERYONE,
    "stop.code": frozenset({"operator", "supervisor", "engineer", "maintenance", "admin"}),
    "order.execute": frozenset({"operator", "supervisor", "admin"}),
    "order.plan": frozenset({"supervisor", "engineer", "admin"}),
    "count.enter": frozenset({"operator", "supervisor", "engineer", "admin"}),
    "note.write": EVERYONE,
    "lot.move": frozenset({"operator", "supervisor", "quality", "admin"}),
    "lot.override": frozenset({"supervisor", "quality", "admin"}),
    "sample.write": frozenset({"engineer", "admin"}),
    "connection.edit": frozenset({"engineer", "admin"}),
    "quality.record": frozenset({"operator", "supervisor", "quality", "admin"}),
    "quality.dispose": frozenset({"quality", "admin"}),
    "maintenance.request": EVERYONE,
    "maintenance.work": frozenset({"maintenance", "admin"}),
    "action.edit": frozenset({"supervisor", "engineer", "quality", "maintenance", "admin"}),
    "shift.sign": frozenset({"supervisor", "admin"}),
    "shift.acknowledge": frozenset({"supervisor", "operator", "admin"}),
    "order.sign": frozenset({"supervisor", "admin"}),
    "device.enrol": frozenset({"supervisor", "engineer", "admin"}),
    "audit.view": frozenset({"admin"}),
    "administer": frozenset({"admin"}),
}

# What a read-only key may do, as far as its account's roles may.
READING = frozenset({"view", "audit.view"})


class Placed(Protocol):
    @property
    def path(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Grant:
    """One role somewhere: ``path`` is the place, and everything below it."""

    role: str
    path: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person, a program or a rule, with what they may do. Passed to every service as ``by``."""

    label: str
    person_id: int | None = None
    device_id: int | None = None
    grants: tuple[Grant, ...] = ()
    read_only: bool = False
    language: str = "en"

    def may(self, action: Action, where: Placed | str | None = None) -> bool:
        """Whether the action is allowed at a place (an equipment or its path), or anywhere without one."""
        if self.read_only and action not in READING:
            return False
        path = None if where is None else where if isinstance(where, str) else where.path
        return any(
            grant.role in ACTIONS[action] and (path is None or path.startswith(grant.path))
            for grant in self.grants
        )

    def require(self, action: Action, where: Placed | str | None = None) -> None:
        """Raise PermissionDenied naming the action and the place, unless allowed."""
        if not self.may(action, where):
            words = {"who": self.label, "action": action}
            if where is None:
                raise PermissionDenied(_("%(who)s may not %(action)s") % words)
            words["place"] = where if isinstance(where, str) else where.path
            raise PermissionDenied(_("%(who)s may not %(action)s at %(place)s") % words)

    def paths(self, action: Action) -> tuple[str, ...]:
        if self.read_only and action not in READING:
            return ()
        return tuple(grant.path for grant in self.grants if grant.role in ACTIONS[action])


NOBODY = Actor(label="anonymous")


def rule(name: str) -> Actor:
    """The actor of something the product does by itself under a named rule."""
    return Actor(label=f"rule:{name}", grants=(Grant("admin", "/"),))


M = TypeVar("M", bound=Model)


def scoped(
    queryset: QuerySet[M], actor: Actor, action: Action = "view", path: str = "equipment__path"
) -> QuerySet[M]:
    """Only the rows the actor may act on; ``path`` names the field holding the equipment path."""
    allowed = Q(pk__in=[])
    for prefix in actor.paths(action):
        allowed |= Q(**{f"{path}__startswith": prefix})
    return queryset.filter(allowed)


def actor_of(request: HttpRequest) -> Actor:
    """The actor of a page or API request, resolved once by the middleware or the API's authentication."""
    actor: Actor = getattr(request, "actor", NOBODY)
    return actor


View = TypeVar("View", bound=Callable[..., HttpResponseBase])


def require(action: Action) -> Callable[[View], View]:
    """Declare what a page needs. Nobody signed in is sent to sign in; a wrong role gets 403."""
    if action not in ACTIONS:
        raise KeyError(f"unknown action {action!r}")

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            actor = actor_of(request)
            if actor is NOBODY:
                return redirect_to_login(request.get_full_path())
            actor.require(action)
            return view(request, *args, **kwargs)

        guarded.required_action = action  # type: ignore[attr-defined]
        return guarded  # type: ignore[return-value]

    return decorate


def posts(action: Action) -> Callable[[View], View]:
    """Declare a page to look at whose form needs ``action``; what answers each method requires it."""
    if action not in ACTIONS:
        raise KeyError(f"unknown action {action!r}")

    def decorate(view: View) -> View:
        view.required_action = "view"  # type: ignore[attr-defined]
        view.required_actions = {"GET": "view", "POST": action}  # type: ignore[attr-defined]
        return view

    return decorate


def public(view: View) -> View:
    """Declare that a page needs no one signed in (sign-in itself, health, enrolment)."""
    view.required_action = None  # type: ignore[attr-defined]
    return view
