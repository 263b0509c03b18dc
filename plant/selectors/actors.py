"""Who is behind a request, a token, a badge or a tablet."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.contrib.auth.models import AnonymousUser
from django.db.models import F, QuerySet
from django.http import HttpRequest

from plant.access import NOBODY, Actor, Grant
from plant.models import ApiToken, Device, Person, PinAttempt, User

DEVICE_COOKIE = "device"
TABLET_PERSON = "tablet_person"
PIN_TRIES = 5
PIN_LOCK = timedelta(minutes=15)


def digest_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def device_for_secret(secret: str) -> Device | None:
    """The enrolled, unrevoked tablet that holds this secret."""
    if not secret:
        return None
    return (
        Device.objects.select_related("equipment")
        .filter(digest=digest_of(secret), revoked_at=None, enrolled_at__isnull=False)
        .first()
    )


def person_at_badge(badge: str) -> Person | None:
    return Person.objects.filter(badge=badge.strip(), is_active=True).first()


def pin_is_locked(*, person_id: int, device_id: int, now: datetime) -> bool:
    """Five wrong PINs of one person on one tablet lock that pair for a quarter of an hour."""
    recent = PinAttempt.objects.filter(person_id=person_id, device_id=device_id, at__gt=now - PIN_LOCK)
    return recent.count() >= PIN_TRIES


def _grants(person: Person) -> tuple[Grant, ...]:
    rows = person.roles.values_list("role", "scope__path")
    return tuple(Grant(role, path) for role, path in rows)


def actor_for_person(person: Person, *, device: Device | None = None) -> Actor:
    """What a person may do; on a tablet, the tablet is part of who acts."""
    return Actor(
        label=person.badge,
        person_id=person.pk,
        device_id=device.pk if device else None,
        grants=_grants(person),
        language=person.language,
    )


def _person_granted(user: User) -> tuple[Person | None, tuple[Grant, ...]]:
    """The active person of an account with its roles, in one read: one row per role, one of nulls without."""
    rows = Person.objects.filter(user=user, is_active=True)
    found = list(rows.annotate(granted=F("roles__role"), granted_at=F("roles__scope__path")))
    grants = tuple(Grant(row.granted, row.granted_at) for row in found if row.granted is not None)
    return (found[0] if found else None), grants


def _actor_for_user(user: User) -> Actor:
    person, grants = _person_granted(user)
    if user.is_superuser:
        return Actor(
            label=user.username,
            person_id=person.pk if person else None,
            grants=(Grant("admin", "/"),),
            language=person.language if person else "en",
        )
    if person is None:
        return Actor(label=user.username)
    return Actor(label=person.badge, person_id=person.pk, grants=grants, language=person.language)


def actor_for_token(token: ApiToken) -> Actor:
    """A program acts with its account's roles, never more than its key's scope."""
    actor = _actor_for_user(token.user)
    return Actor(
        label=f"key:{token.name or token.token_key}"[:80],
        person_id=actor.person_id,
        grants=actor.grants,
        read_only=token.scope == ApiToken.Scope.READ,
        language=actor.language,
    )


def actor_for_request(request: HttpRequest) -> Actor:
    """The tablet's person, else the account, else nobody. Read each time: a revoked one stops at once."""
    if secret := request.COOKIES.get(DEVICE_COOKIE):
        device = device_for_secret(secret)
        if device is not None:
            return _actor_on_device(request, device)
    user = request.user
    if isinstance(user, AnonymousUser):
        return NOBODY
    return _actor_for_user(user)


def _actor_on_device(request: HttpRequest, device: Device) -> Actor:
    person_id = request.session.get(TABLET_PERSON)
    person = Person.objects.filter(pk=person_id, is_active=True).first() if person_id else None
    if person is not None:
        return actor_for_person(person, device=device)
    station = Grant("operator", device.equipment.path)
    return Actor(label=f"tablet:{device.label}"[:80], device_id=device.pk, grants=(station,), read_only=True)


def tokens_of(user: User) -> QuerySet[ApiToken]:
    """The keys of an account, newest first."""
    return ApiToken.objects.filter(user=user).order_by("-created")
