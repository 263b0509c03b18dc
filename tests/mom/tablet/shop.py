"""A station at work, for the tests of what an operator does there."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from mom.pages.reading import forget
from plant.models import Equipment, Person
from plant.selectors.actors import DEVICE_COOKIE
from production.models import JobOrder, Stop
from tests.factories import pages
from tests.factories import plant as make


@dataclass(frozen=True, slots=True)
class Shop:
    """Line 2 of a morning: an order running, stops without a reason, a tablet, an operator."""

    client: Client
    line: Equipment
    order: JobOrder
    operator: Person
    secret: str

    def get(self, path: str, **more: Any) -> str:
        answer = self.client.get(path, **more)
        assert answer.status_code == 200, (path, answer.status_code)
        return str(answer.content.decode())

    def post(self, path: str, data: dict[str, Any] | None = None, **more: Any) -> Any:
        return self.client.post(path, data or {}, **more)

    def waiting(self) -> list[Stop]:
        ids = re.findall(r'data-stop="([0-9a-f-]+)"', self.get("/tablet/"))
        return [Stop.objects.get(pk=pk) for pk in ids]

    def count(self) -> int:
        """The badge: stops that wait for a reason, shown or not."""
        found = re.search(r'id="uncoded-count">(\d+)<', self.get("/tablet/"))
        assert found
        return int(found[1])

    def ended(self) -> Stop:
        return next(stop for stop in self.waiting() if stop.end_time is not None)


def seen(stop: Stop) -> str:
    return f"{stop.pk}|{stop.end_time.isoformat() if stop.end_time else ''}"


def seen_group(page: str) -> str:
    """What the micro-stops page says it showed."""
    return re.search(r'name="seen" value="([^"]+)"', page)[1]  # type: ignore[index]


@pytest.fixture
def shop(client: Client) -> Shop:
    forget()
    plant = pages.plant_running()
    line = plant.lines[1]
    operator = Person.objects.get(badge="1002")
    Person.objects.filter(badge__in=["1001", "1002"]).update(pin=make_password("4321"))
    _device, secret = make.device_make(line)
    client.cookies[DEVICE_COOKIE] = secret
    made = Shop(client, line, JobOrder.objects.get(line=line, state="running"), operator, secret)
    assert made.post("/tablet/badge/", {"badge": "1002", "pin": "4321"}).status_code == 303
    return made


def flash(shop: Shop) -> str:
    found = re.search(r"✓ ([^<]+)", shop.get("/tablet/"))
    return found[1] if found else ""


def undo_of(shop: Shop) -> str:
    found = re.search(r'action="(/tablet/undo/[^"]+)"', shop.get("/tablet/"))
    assert found
    return found[1]
