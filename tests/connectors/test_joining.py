"""Between the last word of a runner whose disk died and the first of the one after it nobody listened."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from connectors import services
from connectors.models import Connection, Gap, SpoolReport
from tests.factories.connectors import connection_make, signal_make
from tests.factories.plant import actor_make, line_make

pytestmark = pytest.mark.django_db
NOW = timezone.now()
OLD, NEW = uuid.uuid5(uuid.NAMESPACE_URL, "old"), uuid.uuid5(uuid.NAMESPACE_URL, "new")


@pytest.fixture
def connection() -> Connection:
    line = line_make(1)
    made = connection_make(line.site, slug="press")
    signal_make(line.unit, "M1/count", role="good_count", connection=made)
    return made


def report(spool: uuid.UUID, at: datetime, *, counted: tuple[int, int] = (3, 3), **more: Any) -> None:
    said = {"at": at.isoformat(), "host": "edge", "usage": 0.1, "disk": [10**12, 10**11], "full": False}
    services.spool_report(
        spool=spool, report={**said, "counted": {"press": counted}, "listening": {}, **more}, heard_at=at
    )
    services.runner_join(spool=spool, now=at)


def hears(since: datetime, resumed: datetime | None = None) -> dict[str, Any]:
    return {"listening": {"press": [since.isoformat(), resumed and resumed.isoformat()]}}


def gaps() -> list[tuple[str, datetime, datetime | None]]:
    return list(Gap.objects.order_by("start_time").values_list("cause", "start_time", "end_time"))


def test_a_new_disk_after_a_dead_one_begins_with_a_gap(connection: Connection) -> None:
    died, began = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
    report(OLD, died, **hears(died - timedelta(days=1)))
    report(NEW, began + timedelta(seconds=1))
    report(NEW, began + timedelta(seconds=5), **hears(began))
    assert gaps() == [], "perhaps the other one goes on beside it"
    for seconds in (20, 25):
        report(NEW, began + timedelta(seconds=seconds), **hears(began))
    assert gaps() == [("process_down", died, began)]
    assert Gap.objects.get().equipment is not None, "of every machine it speaks about"


def test_runners_beside_each_other_and_one_that_is_put_back_make_no_gap(connection: Connection) -> None:
    began = NOW - timedelta(hours=1)
    for second in range(0, 60, 5):
        at = began + timedelta(seconds=second)
        report(OLD, at, **hears(began - timedelta(days=1)))
        report(NEW, at + timedelta(seconds=1), **hears(began))
    report(OLD, NOW, **hears(NOW - timedelta(seconds=40)))
    assert gaps() == []
    assert not SpoolReport.objects.filter(is_joined=False).exists()


def test_one_that_knew_of_the_runner_before_says_it_itself_and_a_lost_disk_reaches_to_there(
    connection: Connection,
) -> None:
    """A value of the seconds between its last report and its end may have been on that disk too."""
    died, began = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
    known_to = died + timedelta(seconds=4)
    report(OLD, died, counted=(8, 5), held={"press": [3, 1, None]}, **hears(died - timedelta(days=1)))
    for seconds in (0, 20):
        report(NEW, began + timedelta(seconds=seconds), **hears(began, known_to))
    assert gaps() == []
    by = actor_make("engineer", connection.site)
    assert services.spool_write_off(spool=OLD, why="burnt", by=by, now=NOW) == 3
    assert gaps() == [("spool_lost", died, known_to)]
