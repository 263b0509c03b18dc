"""Late coding: every stop that waits for a reason, those alike together, and reasons given, to correct."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone

from mom.tablet import session
from mom.tablet.page import page
from mom.tablet.station import LATE, StopTile, stop_tiles, stops_waiting, units_of
from plant.access import actor_of
from production import selectors as production

if TYPE_CHECKING:
    from datetime import datetime

    from mom.tablet.session import Station
    from plant.access import Actor

MOST, CODED = 100, 12


@dataclass(frozen=True, slots=True)
class Alike:
    """Stops of one machine with one fault code: two more taps give them all one reason."""

    machine: str
    fault_code: str
    count: int
    seconds: int
    href: str


@dataclass(frozen=True, slots=True)
class Coded:
    """A stop that has its reason, to be looked at and corrected."""

    stop: StopTile
    reason: str
    by: str


@session.reads
def stops(request: HttpRequest) -> HttpResponseBase:
    """Every stop that waits for a reason; several can be ticked, those alike are one tile."""
    station = session.station_of(request)
    if station is None:
        return redirect("tablet_start")
    now, actor = timezone.now(), actor_of(request)
    found = stop_tiles(stops_waiting(station, actor, now)[:MOST], now)
    coded = coded_lately(station, actor, now)
    return page(request, "mom/tablet_stops.html", station, stops=found, alike=alike(found), coded=coded)


def alike(found: Sequence[StopTile]) -> list[Alike]:
    """Groups of two or more that have ended, largest first; one without a fault code groups by machine."""
    groups: dict[tuple[str, str], list[StopTile]] = {}
    for tile in found:
        if tile.end is not None:
            groups.setdefault((tile.machine, tile.fault_code), []).append(tile)
    made = [_alike(machine, fault, tiles) for (machine, fault), tiles in groups.items() if len(tiles) > 1]
    return sorted(made, key=lambda group: (-group.count, group.machine, group.fault_code))


def _alike(machine: str, fault_code: str, tiles: Sequence[StopTile]) -> Alike:
    query = urlencode([("stop", tile.id) for tile in tiles])
    seconds = sum(tile.seconds for tile in tiles)
    return Alike(machine, fault_code, len(tiles), seconds, f"{reverse('tablet_together')}?{query}")


def coded_lately(station: Station, actor: Actor, now: datetime) -> list[Coded]:
    """The last stops of a day that have a reason, newest first."""
    ids = [unit.pk for unit in units_of(station)]
    every: Any = production.stops(actor)
    rows = every.filter(work_unit_id__in=ids, start_time__gte=now - LATE, assertion_id__isnull=False)
    told = production.told(rows[:CODED])
    tiles = stop_tiles([row.stop for row in told], now)
    return [
        Coded(
            tile,
            row.said.reason.name if row.said and row.said.reason else "",
            str((row.said.said_by or row.said.said_by_rule) if row.said else ""),
        )
        for tile, row in zip(tiles, told, strict=True)
    ]
