"""Tablets and the people on them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from plant import selectors, services
from plant.access import rule
from plant.models import AuditEntry, Person
from plant.services.devices import BadgeRefused, EnrolmentRefused
from tests.factories import plant as make

pytestmark = pytest.mark.django_db
BY = rule("test")


def refusal(**options: object) -> str:
    with pytest.raises(BadgeRefused) as caught:
        services.badge_in(**options)  # type: ignore[arg-type]
    return caught.value.code


def test_five_wrong_pins_lock_that_person_on_that_tablet_and_nobody_else() -> None:
    line, now = make.line_make(), timezone.now()
    first, second = make.device_make(line.line)[0], make.device_make(line.line)[0]
    anne, bob = (make.person_make("operator", line.line, badge=badge) for badge in ("ANNE", "BOB"))
    for _ in range(5):
        assert refusal(device=first, badge="ANNE", pin="0000", now=now) == "wrong_pin"
    assert refusal(device=first, badge="ANNE", pin="4321", now=now) == "locked"
    assert services.badge_in(device=first, badge="BOB", pin="4321", now=now) == bob
    assert services.badge_in(device=second, badge="ANNE", pin="4321", now=now) == anne
    later = now + timedelta(minutes=16)
    assert services.badge_in(device=first, badge="ANNE", pin="4321", now=later) == anne
    assert AuditEntry.objects.filter(action="person.pin_wrong", device=first).count() == 5


def test_a_right_pin_forgets_the_wrong_ones_before_it() -> None:
    line, now = make.line_make(), timezone.now()
    device = make.device_make(line.line)[0]
    make.person_make("operator", line.line, badge="ANNE")
    for _ in range(4):
        refusal(device=device, badge="ANNE", pin="0000", now=now)
    services.badge_in(device=device, badge="ANNE", pin="4321", now=now)
    for _ in range(4):
        assert refusal(device=device, badge="ANNE", pin="0000", now=now) == "wrong_pin"


def test_an_unknown_badge_and_one_who_left_are_told_apart_from_nothing() -> None:
    line, now = make.line_make(), timezone.now()
    device = make.device_make(line.line)[0]
    gone = make.person_make("operator", line.line, badge="GONE")
    Person.objects.filter(pk=gone.pk).update(is_active=False)
    codes = {refusal(device=device, badge=badge, pin="4321", now=now) for badge in ("GONE", "NOBODY", "")}
    assert codes == {"unknown_badge"}


def test_an_enrolment_link_works_once_and_not_too_late() -> None:
    line, now = make.line_make(), timezone.now()
    device, secret = services.device_create(label="T1", equipment=line.line, by=BY)
    assert selectors.device_for_secret(secret) is None, "the link is not the tablet's key"
    enrolled, own = services.device_enrol(secret=secret, now=now)
    assert enrolled == device
    assert selectors.device_for_secret(own) == device
    with pytest.raises(EnrolmentRefused, match="used already"):
        services.device_enrol(secret=secret, now=now)
    _late, secret = services.device_create(label="T2", equipment=line.line, by=BY)
    with pytest.raises(EnrolmentRefused, match="expired"):
        services.device_enrol(secret=secret, now=now + timedelta(hours=25))
    services.device_revoke(device=device, by=BY)
    assert selectors.device_for_secret(own) is None
