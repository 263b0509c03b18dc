"""Every change of the clock of 2026 in three zones, inside a night shift: nothing lost or counted twice.

Source: the IANA time zone database for Europe/Paris, America/New_York and Australia/Lord_Howe, whose clock
moves by half an hour. The instants below are written down in UTC, not computed from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client

from plant import services as plant
from plant.domain.calendar import Slot, pattern_read, slots
from plant.domain.intervals import Interval
from production.domain.account import OrderUse
from production.domain.hourly import clock_hours
from production.domain.oee import oee
from production.services.rebuilding import rebuild_check
from production.services.rollups import rollups_check, rollups_refresh
from tests.factories.plant import account_make, site_make
from tests.factories.production import PLANNER
from tests.oracles.in_domain import folded
from tests.oracles.rest_plant import RestLine, Told, amount, merged, rest_line_make

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
SHIFTS = (("M", "06:00", "14:00"), ("A", "14:00", "22:00"), ("N", "22:00", "06:00"))
PAUSE = {"kind": "break", "code": "B", "start": "04:00", "end": "04:30"}
PER_HOUR = 360
FORWARD = "22:00 23:00 00:00 01:00 03:00 04:00 05:00"


@dataclass(frozen=True)
class Change:
    """``night``: the shift that begins on ``day``, in UTC; ``hours``: where each of its hours begins on the
    wall; ``short``: its one part that is no whole hour, in minutes.
    """

    zone: str
    day: date
    at: str
    night: tuple[str, str]
    hours: str
    short: int = 60

    @property
    def instant(self) -> datetime:
        return utc(self.at)

    @property
    def begins(self) -> datetime:
        """When the production day does: sixteen hours before the night."""
        return utc(self.night[0]) - 16 * HOUR

    @property
    def window(self) -> tuple[datetime, datetime]:
        return utc(self.night[0]), utc(self.night[1])

    @property
    def whole_day(self) -> tuple[datetime, datetime]:
        return self.begins, self.window[1]

    @property
    def down(self) -> tuple[datetime, datetime]:
        """A breakdown from a quarter of an hour before the change to twenty minutes after it."""
        return self.instant - 15 * MINUTE, self.instant + 20 * MINUTE

    @property
    def pause(self) -> tuple[datetime, datetime]:
        """04:00 to 04:30: two hours before the night ends, after the change."""
        return self.window[1] - 2 * HOUR, self.window[1] - 90 * MINUTE

    @cached_property
    def running(self) -> list[datetime]:
        """The minutes of the production day in which it runs."""
        number = (self.window[1] - self.begins) // MINUTE
        minutes = (self.begins + n * MINUTE for n in range(number))
        stood = (self.down, self.pause)
        return [at for at in minutes if not any(start <= at < end for start, end in stood)]

    def ran(self, start: datetime, end: datetime) -> int:
        """Minutes it ran in a window."""
        return sum(start <= at < end for at in self.running)

    def told(self) -> list[Told]:
        return merged(self._states(), self._counts())

    def _states(self) -> Iterator[Told]:
        yield self.begins, "state", "execute"
        for (start, end), state in ((self.down, "aborted"), (self.pause, "stopped")):
            yield start, "state", state
            yield end, "state", "execute"

    def _counts(self) -> Iterator[Told]:
        """A piece every ten seconds, told at the end of each minute."""
        yield self.begins, "good_count", 0
        for number, at in enumerate(self.running, 1):
            yield at + timedelta(seconds=59), "good_count", 6 * number

    def seconds(self, start: datetime, end: datetime) -> dict[str, int]:
        """What a window that has all of the night must say."""
        found = {"running": 60 * self.ran(start, end), "breakdown": 2100, "break": 1800}
        assert sum(found.values()) == (end - start).total_seconds()
        return found


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


CHANGES = (
    Change(
        "Europe/Paris",
        date(2026, 3, 28),
        "2026-03-29 01:00",
        ("2026-03-28 21:00", "2026-03-29 04:00"),
        FORWARD,
    ),
    Change(
        "Europe/Paris",
        date(2026, 10, 24),
        "2026-10-25 01:00",
        ("2026-10-24 20:00", "2026-10-25 05:00"),
        "22:00 23:00 00:00 01:00 02:00 02:00 03:00 04:00 05:00",
    ),
    Change(
        "America/New_York",
        date(2026, 3, 7),
        "2026-03-08 07:00",
        ("2026-03-08 03:00", "2026-03-08 10:00"),
        FORWARD,
    ),
    Change(
        "America/New_York",
        date(2026, 10, 31),
        "2026-11-01 06:00",
        ("2026-11-01 02:00", "2026-11-01 11:00"),
        "22:00 23:00 00:00 01:00 01:00 02:00 03:00 04:00 05:00",
    ),
    Change(
        "Australia/Lord_Howe",
        date(2026, 4, 4),
        "2026-04-04 15:00",
        ("2026-04-04 11:00", "2026-04-04 19:30"),
        "22:00 23:00 00:00 01:00 01:30 02:00 03:00 04:00 05:00",
        short=30,
    ),
    Change(
        "Australia/Lord_Howe",
        date(2026, 10, 3),
        "2026-10-03 15:30",
        ("2026-10-03 11:30", "2026-10-03 19:00"),
        "22:00 23:00 00:00 01:00 02:30 03:00 04:00 05:00",
        short=30,
    ),
)
EACH = pytest.mark.parametrize("change", CHANGES, ids=lambda change: f"{change.zone} {change.day}")
BELONGS = pytest.mark.parametrize(("belongs", "counts_for"), [("start", 0), ("end", 1)])


def pattern(belongs: str = "start") -> dict[str, Any]:
    shifts = [{"code": code, "start": start, "end": end} for code, start, end in SHIFTS]
    return {"shifts": [*shifts[:2], {**shifts[2], "production_day": belongs, "pauses": [PAUSE]}]}


def planned(change: Change, belongs: str = "start") -> list[Slot]:
    """Of the day before to the day after."""
    return slots(pattern_read(pattern(belongs), change.zone), change.day - DAY, change.day + 2 * DAY)


def test_the_three_zones_change_their_clock_twice_in_the_year_and_all_changes_are_here() -> None:
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + number * HOUR / 2 for number in range(2 * 8760)]
    for zone in {change.zone for change in CHANGES}:
        offsets = [at.astimezone(ZoneInfo(zone)).utcoffset() for at in hours]
        changed = {at for at, new, old in zip(hours[1:], offsets[1:], offsets, strict=False) if new != old}
        assert changed == {change.instant for change in CHANGES if change.zone == zone}


@EACH
@BELONGS
def test_the_night_is_as_long_as_it_is_and_shifts_touch(
    change: Change, belongs: str, counts_for: int
) -> None:
    shifts = [slot for slot in planned(change, belongs) if slot.kind == "shift"]
    assert all(a.end == b.start for a, b in pairwise(shifts))
    [night] = [slot for slot in shifts if slot.start <= change.instant < slot.end]
    assert (night.start, night.end, night.code) == (*change.window, "N")
    assert night.production_day == change.day + counts_for * DAY
    [pause] = [slot for slot in planned(change, belongs) if night.start < slot.start < night.end]
    assert (pause.start, pause.end) == change.pause


@EACH
def test_hours_are_cut_where_the_clock_on_the_wall_is_full(change: Change) -> None:
    zone = ZoneInfo(change.zone)
    cuts = clock_hours(*change.window, zone)
    assert [f"{start.astimezone(zone):%H:%M}" for start, _ in cuts] == change.hours.split()
    lengths = [(end - start) // MINUTE for start, end in cuts]
    assert sorted(lengths) == [change.short, *[60] * (len(cuts) - 1)]


@EACH
def test_time_closes_in_the_domain(change: Change) -> None:
    did, night, day = (
        folded(change.told(), change.window[1]),
        change.window,
        change.whole_day,
    )
    assert [(stop.start, stop.end) for stop in did.stops] == [change.down, change.pause]
    for start, end in (night, day):
        account = did.account(Interval(start, end), planned(change), [OrderUse(change.begins, None, "PO1")])
        told = {name: time.total_seconds() for name, time in account.durations.items()}
        assert told == change.seconds(start, end)
        assert {segment.shift_code for segment in account.segments if segment.start >= night[0]} == {"N"}
    figures = oee(account.durations, [did.output(PER_HOUR)])
    assert figures.good == 6 * len(change.running)
    assert figures.effectiveness == 1
    assert figures.oee == Decimal(60 * len(change.running)) / figures.pbt


def line_made(change: Change, belongs: str = "start") -> RestLine:
    made = rest_line_make(change.begins, per_hour=PER_HOUR, site=site_make(time_zone=change.zone))
    line, before = made.line.line, change.begins - 2 * DAY
    plant.calendar_version_store(
        line=line, valid_from=change.day, pattern=pattern(belongs), by=PLANNER, at=before
    )
    plant.calendar_materialise(line_id=line.pk, until=change.day + 2 * DAY, now=before)
    made.order(change.begins)
    # A shift is closed once what usually comes late has come.
    made.send(change.told(), watermark=change.window[1] + HOUR)
    return made


@pytest.mark.django_db
@EACH
def test_time_closes_and_figures_are_exact_by_rest(change: Change) -> None:
    line = line_made(change)
    code, day = line.line.line.code, change.whole_day
    parts = [(start, end) for start, end in clock_hours(*change.window, ZoneInfo(change.zone))]
    for start, end in (change.window, day):
        for equipment in ("", code):
            found = line.kpi(start, end, equipment)
            told = {name: amount(value) for name, value in found["account"]["seconds"].items()}
            assert told == change.seconds(start, end)
            iso, ran = found["iso_22400_2"], change.ran(start, end)
            assert (amount(iso["good"]), amount(iso["effectiveness"])) == (6 * ran, 1)
            pbt = Decimal((end - start).total_seconds()) - 1800
            assert (amount(iso["pbt"]), amount(iso["apt"])) == (pbt, 60 * ran)
            assert abs(amount(iso["oee"]) - 60 * ran / pbt) <= Decimal("0.000001")
    hourly = [line.kpi(start, end) for start, end in parts]
    assert [amount(one["iso_22400_2"]["good"]) for one in hourly] == [
        6 * change.ran(start, end) for start, end in parts
    ]
    assert sum(amount(one["account"]["seconds"].get("breakdown", 0)) for one in hourly) == 2100
    assert rebuild_check(work_unit_ids=[line.line.unit.pk]).lines == []


@pytest.mark.django_db
@EACH
def test_closed_shifts_add_up_to_the_same(change: Change) -> None:
    line = line_made(change)
    rollups_refresh(line_id=line.line.line.pk)
    for start, end in (change.window, change.whole_day):
        found = line.about("effectiveness", start, end, line.line.line.code)
        assert found["closed"] is True
        told = {name: amount(value) for name, value in found["seconds"].items()}
        assert told == change.seconds(start, end)
        assert amount(found["iso_22400_2"]["good"]) == 6 * change.ran(start, end)
    assert rollups_check(write=False) == []


@pytest.mark.django_db
@EACH
@BELONGS
def test_the_shift_is_found_by_its_production_day(change: Change, belongs: str, counts_for: int) -> None:
    line = line_made(change, belongs)
    path = f"/api/v1/equipment/{line.line.line.code}/shifts"
    day = change.day + counts_for * DAY
    figures = line.get(f"{path}/{day}/N/signatures")["figures"]
    told = {name: Decimal(value) for name, value in figures["seconds"].items()}
    assert told == change.seconds(*change.window)
    assert (figures["complete"], Decimal(figures["good"])) == ("true", 6 * change.ran(*change.window))


@pytest.mark.django_db
@EACH
def test_the_hours_page_has_a_row_for_every_hour_of_the_wall(change: Change) -> None:
    line = line_made(change)
    client = Client()
    client.force_login(account_make("engineer", line.line.site))
    page = client.get(f"/lines/{line.line.line.code}/hours/", {"at": change.instant.isoformat()})
    assert page.status_code == 200
    rows = hour_rows(page.content.decode())
    cuts = clock_hours(*change.window, ZoneInfo(change.zone))
    assert [begin for begin, _, _ in rows] == change.hours.split()
    assert [good for _, _, good in rows] == [6 * change.ran(*cut) for cut in cuts]
    stood = [30 if start == change.pause[0] else 0 for start, _ in cuts]
    assert [target for _, target, _ in rows] == [
        6 * ((end - start) // MINUTE - pause) for (start, end), pause in zip(cuts, stood, strict=True)
    ]


def hour_rows(html: str) -> Sequence[tuple[str, int, int]]:
    """(beginning on the wall, target, good) of every row of the page."""
    found = re.findall(
        r"<strong>(\d\d:\d\d)</strong>–\d\d:\d\d</td><td class=\"num\">(\d+)</td>"
        r"<td class=\"num\"><strong class=\"[^\"]*\">(\d+)</strong>",
        re.sub(r"</?a\b[^>]*>", "", html),
    )
    return [(start, int(target), int(good)) for start, target, good in found]
