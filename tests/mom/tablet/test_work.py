"""A manual station by plain forms and by the tablet's outbox: start, stop, corrected, orders side by side."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from mom.pages.reading import forget
from mom.tablet.work import instant_read
from plant import selectors
from plant.models import Equipment, User
from plant.selectors.actors import DEVICE_COOKIE
from production.models import (
    CountAssertion,
    JobOrder,
    OrderSpan,
    ReasonAssertion,
    StateAssertion,
    StateInterval,
    Stop,
)
from production.services import stitch
from tests.factories import plant as make
from tests.mom.tablet.shop import Shop, undo_of
from tests.mom.tablet.shop import shop as shop

pytestmark = pytest.mark.django_db
WORK = "/tablet/work/L2-HAND/"


@pytest.fixture
def table(shop: Shop) -> Shop:
    """The tablet moved to a hand-packing table of its line."""
    unit = make.equipment_make("work_unit", shop.line, code="L2-HAND", position=90)
    unit.is_manual = True
    unit.save()
    _device, secret = make.device_make(unit)
    shop.client.cookies[DEVICE_COOKIE] = secret
    assert shop.post("/tablet/badge/", {"badge": "1002", "pin": "4321"}).status_code == 303
    return shop


def folded(unit: str = "L2-HAND") -> list[str]:
    place = Equipment.objects.get(code=unit)
    stitch(work_unit_id=place.pk)
    rows = StateInterval.objects.filter(work_unit=place).order_by("start_time")
    return [row.state for row in rows]


def test_stop_opens_its_reasons_and_the_reason_is_kept(table: Shop) -> None:
    assert "Start work" in table.get("/tablet/")
    assert table.post(WORK, {"state": "execute", "key": "a"}).headers["Location"] == "/tablet/"
    answer = table.post(WORK, {"state": "stopped", "key": "b"})
    where = answer.headers["Location"]
    assert folded() == ["execute", "stopped"]
    stop = Stop.objects.get(work_unit__code="L2-HAND")
    assert where == f"/tablet/stops/{stop.pk}/"
    assert 'data-reason="' in table.get(where)
    assert table.post(where, {"reason": "CLEAN", "stop": f"{stop.pk}|", "key": "c"}).status_code == 303
    assert ReasonAssertion.objects.latest("pk").start_time == stop.start_time
    said = StateAssertion.objects.latest("pk")
    assert (said.said_by, said.said_on_id is not None) == (table.operator, True)


def test_undo_takes_the_tap_back_and_nothing_said_is_lost(table: Shop) -> None:
    table.post(WORK, {"state": "execute", "key": "a"})
    assert table.post(undo_of(table)).status_code == 303
    assert folded() == ["unknown"]
    assert StateAssertion.objects.count() == 2


def test_what_waited_on_the_tablet_is_written_once_and_at_its_time(table: Shop) -> None:
    tapped = timezone.now() - timedelta(minutes=30)
    page = table.get("/tablet/")
    person = re.search(r'data-by="([^"]+)"', page)[1]  # type: ignore[index]
    # Signed in before the tap, as the tablet's own proof says.
    headers = {
        "X-Outbox": "later",
        "Idempotency-Key": "one",
        "X-Tapped-At": tapped.isoformat(),
        "X-Sent-At": timezone.now().isoformat(),
        "X-Person": person,
        "X-Claimed": "yes",
        "Accept": "application/json",
    }
    for _ in range(2):
        answer = table.post(WORK, {"state": "execute"}, headers=headers)
        assert answer.status_code == 200, answer.content
    said = StateAssertion.objects.get()
    assert abs(said.start_time - tapped) < timedelta(seconds=5)
    assert folded() == ["execute"]


def test_a_forgotten_range_is_entered_with_its_times_and_corrected(table: Shop) -> None:
    now = timezone.now()
    zone = selectors.site_zone(table.line)

    def clock(at: datetime) -> str:
        return f"{at.astimezone(zone):%H%M%S}"

    table.post(WORK, {"state": "execute", "from": clock(now - timedelta(hours=2)), "key": "a"})
    body = {"from": clock(now - timedelta(minutes=60)), "until": clock(now - timedelta(minutes=40))}
    table.post(WORK, {"state": "stopped", "key": "b", **body})
    assert folded() == ["execute", "stopped", "execute"]
    entry = StateAssertion.objects.get(state="stopped")
    body = {"from": clock(now - timedelta(minutes=50)), "until": body["until"]}
    assert table.post(f"{WORK}{entry.pk}/", {"state": "stopped", "key": "c", **body}).status_code == 303
    assert folded() == ["execute", "stopped", "execute"]
    stop = Stop.objects.get(work_unit__code="L2-HAND")
    assert stop.end_time is not None
    assert abs((stop.end_time - stop.start_time) - timedelta(minutes=10)) < timedelta(seconds=2)
    again = table.post(f"{WORK}{entry.pk}/", {"what": "back", "key": "d"})
    assert again.status_code == 409
    last = StateAssertion.objects.latest("pk")
    table.post(f"{WORK}{last.pk}/", {"what": "back", "key": "e"})
    assert folded() == ["execute"]
    assert table.post(WORK, {"state": "stopped", "from": "99:99", "key": "f"}).status_code == 422


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("0815", "08:15:00"),
        ("815", "08:15:00"),
        ("8h15", "08:15:00"),
        ("081530", "08:15:30"),
        ("25:00", None),
    ],
)
def test_a_time_of_day_is_the_last_one_of_that_name(text: str, told: str | None) -> None:
    zone = selectors.site_zone(make.line_make(1).line)
    now = datetime(2026, 3, 3, 8, 0, tzinfo=zone)
    read = instant_read(text, now, zone)
    assert (f"{read.astimezone(zone):%d %H:%M:%S}" if read else None) == (f"02 {told}" if told else None)


def test_orders_side_by_side_are_counted_by_name(table: Shop) -> None:
    other = JobOrder.objects.filter(line=table.line, state="allowed_to_start").first()
    assert other is not None
    assert table.post(f"/tablet/orders/{other.code}/start/", {"key": "a"}).status_code == 409
    Equipment.objects.filter(pk=table.line.pk).update(parallel_orders=2)
    assert table.post(f"/tablet/orders/{other.code}/start/", {"key": "b"}).status_code == 303
    page = table.get(f"/tablet/count/?order={other.code}")
    assert f'name="order" value="{other.code}"' in page
    for code in (other.code, table.order.code):
        body: dict[str, Any] = {"good": "7", "scrap": "", "order": code, "key": code}
        assert table.post("/tablet/count/", body).status_code == 303
    counted = set(CountAssertion.objects.values_list("job_order__code", flat=True))
    assert counted == {other.code, table.order.code}
    share = table.post(f"/tablet/orders/{other.code}/share/", {"weight": "3", "key": "s"})
    assert share.status_code == 303
    assert "Weighs 3 of 4" in table.get(f"/tablet/orders/{other.code}/")


def test_orders_side_by_side_are_all_shown_on_the_plant_and_the_line(table: Shop) -> None:
    other = JobOrder.objects.filter(line=table.line, state="allowed_to_start").first()
    assert other is not None
    Equipment.objects.filter(pk=table.line.pk).update(parallel_orders=2)
    assert table.post(f"/tablet/orders/{other.code}/start/", {"key": "a"}).status_code == 303
    # No machine of the line tells its order: its events do, for all of them.
    OrderSpan.objects.exclude(equipment=table.line).delete()
    forget()
    cache.clear()
    reader = Client()
    reader.force_login(
        User.objects.get(username="claire"), backend="django.contrib.auth.backends.ModelBackend"
    )
    for address in ("/", "/lines/L2/"):
        page = reader.get(address).content.decode()
        assert "at the same time:" in page, address
        assert f'<a href="/orders/{other.code}/"><strong>{other.code}</strong></a>' in page, address
    titles = re.findall(r"<title>([^<]* \+ [^<]*)</title>", page)
    assert titles
    assert set(titles[-1].split(" + ")) == {other.code, table.order.code}


def test_a_machine_with_a_state_of_its_own_has_no_such_page(table: Shop) -> None:
    assert table.client.get("/tablet/work/L2-FILL/").status_code == 404
