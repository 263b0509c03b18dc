"""Accounts, PINs and keys."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.auth.hashers import make_password
from django.db import transaction
from django.utils import timezone

from plant import audit
from plant.access import Actor
from plant.models import ApiToken, Person, User


@transaction.atomic
def user_create(
    *, username: str, password: str | None, person: Person | None, by: Actor, must_change: bool = True
) -> User:
    """An account; roles come from the person. Without a password nobody signs in: it only holds keys."""
    user = User.objects.create_user(username=username, password=password, must_change_password=must_change)
    if person is not None:
        person.user = user
        person.save(update_fields=["user"])
    audit.record(by=by, action="user.create", subject_type="user", subject_code=username)
    return user


@transaction.atomic
def pin_set(*, person: Person, pin: str, by: Actor) -> None:
    """Raises ValueError unless the PIN is 4 to 6 digits. Only its hash is kept."""
    if not (pin.isdigit() and 4 <= len(pin) <= 6):
        raise ValueError(f"PIN: read {len(pin)} characters, expected 4 to 6 digits")
    person.pin = make_password(pin)
    person.save(update_fields=["pin"])
    audit.record(by=by, action="person.pin_set", subject_type="person", subject_code=person.badge)


@transaction.atomic
def token_create(*, user: User, name: str, scope: str, days: int, by: Actor) -> tuple[ApiToken, str]:
    """A new key and its secret, which is shown this once."""
    token, secret = ApiToken.objects.create(user=user, expiry=timedelta(days=days))
    token.name, token.scope = name, scope
    token.save(update_fields=["name", "scope"])
    audit.record(
        by=by, action="token.create", subject_type="token", subject_code=name, after={"scope": scope}
    )
    return token, secret


@transaction.atomic
def person_erase(*, person: Person, by: Actor, why: str) -> None:
    """Forget a person's name and access on request; what they did keeps their number only."""
    person.name, person.pin, person.is_active, person.erased_at = "", "", False, timezone.now()
    person.badge = f"erased-{person.pk}"
    user, person.user = person.user, None
    person.save()
    if user is not None:
        user.delete()
    audit.record(by=by, action="person.erase", subject_type="person", subject_code=person.badge, why=why)


@transaction.atomic
def token_revoke(*, token: ApiToken, by: Actor) -> None:
    """The key stops working at once."""
    audit.record(
        by=by, action="token.revoke", subject_type="token", subject_code=token.name or token.token_key
    )
    token.delete()


def password_changed(*, user: User, by: Actor) -> None:
    """The person chose a password: the one-time one is no longer owed a change."""
    user.must_change_password = False
    user.save(update_fields=["must_change_password"])
    audit.record(by=by, action="user.password_change", subject_type="user", subject_code=user.username)
