"""Shared tablets: enrolled once by a link, used by people with badge and PIN."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta

from django.contrib.auth.hashers import check_password
from django.db import transaction
from django.utils import timezone

from plant import audit, selectors
from plant.access import NOBODY, Actor
from plant.models import Device, Equipment, Person, PinAttempt


class EnrolmentRefused(ValueError):
    """The link was used, has expired or never existed."""


class BadgeRefused(ValueError):
    """Unknown badge, wrong PIN, or locked; the message is for the person at the tablet."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@transaction.atomic
def device_create(
    *, label: str, equipment: Equipment, by: Actor, valid: timedelta = timedelta(hours=24)
) -> tuple[Device, str]:
    """A tablet waiting to be enrolled, and the secret of its one-time link."""
    secret = secrets.token_urlsafe(32)
    device = Device.objects.create(
        label=label,
        equipment=equipment,
        digest=selectors.digest_of(secret),
        expires_at=timezone.now() + valid,
    )
    audit.record(by=by, action="device.create", subject_type="device", subject_code=label)
    return device, secret


@transaction.atomic
def device_enrol(*, secret: str, now: datetime) -> tuple[Device, str]:
    """Turn a one-time link into the tablet's own secret. Raises EnrolmentRefused."""
    device = Device.objects.select_for_update().filter(digest=selectors.digest_of(secret)).first()
    if device is None or device.revoked_at is not None or device.enrolled_at is not None:
        raise EnrolmentRefused("this enrolment link was used already or is not known")
    if device.expires_at is not None and device.expires_at < now:
        raise EnrolmentRefused("this enrolment link has expired")
    own = secrets.token_urlsafe(32)
    device.digest, device.enrolled_at = selectors.digest_of(own), now
    device.save(update_fields=["digest", "enrolled_at"])
    audit.record(
        by=Actor(label="enrolment", device_id=device.pk),
        action="device.enrol",
        subject_type="device",
        subject_code=device.label,
    )
    return device, own


@transaction.atomic
def device_revoke(*, device: Device, by: Actor, why: str = "") -> None:
    device.revoked_at = timezone.now()
    device.save(update_fields=["revoked_at"])
    audit.record(by=by, action="device.revoke", subject_type="device", subject_code=device.label, why=why)


def badge_in(*, device: Device, badge: str, pin: str, now: datetime) -> Person:
    """The person with this badge and PIN. Raises BadgeRefused; a wrong PIN counts for them here only."""
    person = selectors.person_at_badge(badge)
    if person is None:
        raise BadgeRefused("unknown_badge")
    if selectors.pin_is_locked(person_id=person.pk, device_id=device.pk, now=now):
        raise BadgeRefused("locked")
    if not check_password(pin, person.pin):
        PinAttempt.objects.create(person=person, device=device, at=now)
        audit.record(
            by=Actor(label=NOBODY.label, device_id=device.pk),
            action="person.pin_wrong",
            subject_type="person",
            subject_code=person.badge,
        )
        raise BadgeRefused("wrong_pin")
    PinAttempt.objects.filter(person=person, device=device).delete()
    audit.record(
        by=selectors.actor_for_person(person, device=device),
        action="person.badge_in",
        subject_type="person",
        subject_code=person.badge,
    )
    return person
