"""Operators coding stops: they look at the list of stops the product shows, pick the one they mean, say why.

The stops are derived a little after the samples arrive, so a coding waits until its stop is shown.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from hashlib import blake2b
from typing import Any
from urllib.parse import urlencode

from mom.demo.client import Api
from mom.demo.events import Happening

logger = logging.getLogger(__name__)
TRIES, TRIES_LATER = 200, 5
DAY = 86_400_000
MARGIN, SAME = timedelta(minutes=30), timedelta(seconds=1)
LONGEST_LIST = 500
CHANGED = 409
Waiting = tuple[Happening, int]


def instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


class Coder:
    """``waiting`` are codings whose stop is not shown yet, each with how often it was looked for."""

    def __init__(self, api: Api, key: Callable[[str], str]) -> None:
        self._api, self._key = api, key
        self.waiting: list[Waiting] = []
        self.coded = self.refused = self.given_up = 0
        self._known_to: dict[str, datetime] = {}

    def add(self, happenings: Iterable[Happening]) -> None:
        self.waiting += [(happening, 0) for happening in happenings]

    def work(self) -> None:
        """Look once for every waiting stop, a list per machine and day; then all say what they know."""
        lists: dict[tuple[str, int], list[Waiting]] = {}
        for happening, tries in self.waiting:
            day = happening.data["start"] // DAY
            lists.setdefault((happening.data["unit"], day), []).append((happening, tries))
        kept: list[Waiting] = []
        found: dict[str, list[tuple[Waiting, dict[str, Any]]]] = {}
        for (unit, _), codings in sorted(lists.items(), key=lambda item: item[0]):
            stops = self._stops(unit, [happening for happening, _ in codings])
            for happening, tries in codings:
                stop = stop_meant(happening, stops)
                if stop is None or not self._settled(happening, tries, stop):
                    kept += self._again(happening, tries, later=_later(happening, stops))
                elif not _said(happening, stop):
                    found.setdefault(happening.data["by"], []).append(((happening, tries), stop))
        for by, codings_of in found.items():
            kept += self._say(by, codings_of)
        # Replaced at once: a save in between must not miss any.
        self.waiting = kept

    def _stops(self, unit: str, happenings: list[Happening]) -> list[dict[str, Any]]:
        first = min(happening.data["start"] for happening in happenings)
        last = max(happening.data["end"] for happening in happenings)
        query = urlencode(
            {
                "equipment": unit,
                "start": (instant(first) - MARGIN).isoformat(),
                "end": (instant(last) + MARGIN).isoformat(),
                "page_size": 1000,
            }
        )
        answer = self._api.call("GET", f"/api/v1/stops?{query}", by=happenings[0].data["by"])
        if answer.refused:
            logger.warning("stops of %s: %s %s", unit, answer.status, answer.body)
            return []
        found: list[dict[str, Any]] = answer.body["results"]
        return found

    def _settled(self, happening: Happening, tries: int, stop: dict[str, Any]) -> bool:
        """Whether the stop shown is the one meant.

        One that goes on and began earlier may be an older one whose end the product does not know yet: it is
        believed once the product knew of the coding's end before we looked.
        """
        end = instant(happening.data["end"])
        began = datetime.fromisoformat(stop["start_time"]) - instant(happening.data["start"])
        if stop["end_time"] is not None or abs(began) <= SAME:
            return True
        unit = happening.data["unit"]
        known = unit in self._known_to and self._known_to[unit] >= end
        if not known and tries >= TRIES_LATER:
            self._known_to[unit] = self._known_until(happening) or end - MARGIN
        return known

    def _known_until(self, happening: Happening) -> datetime | None:
        """Up to when the product accounts for the machine, at most the coding's end."""
        unit, span = happening.data["unit"], (happening.data["start"], happening.data["end"])
        query = urlencode({"start": instant(span[0]).isoformat(), "end": instant(span[1]).isoformat()})
        answer = self._api.call("GET", f"/api/v1/equipment/{unit}/kpi?{query}", by=happening.data["by"])
        return None if answer.refused else datetime.fromisoformat(answer.body["account"]["end_time"])

    def _say(self, by: str, codings: list[tuple[Waiting, dict[str, Any]]]) -> list[Waiting]:
        """All of one person's codings as one list; those to be looked for again."""
        kept: list[Waiting] = []
        for first in range(0, len(codings), LONGEST_LIST):
            part = codings[first : first + LONGEST_LIST]
            rows = [reason_row(happening, stop) for (happening, _), stop in part]
            key = self._key(f"reasons-{blake2b(repr(rows).encode(), digest_size=12).hexdigest()}")
            answer = self._api.call("POST", "/api/v1/stops/reasons", rows, by=by, key=key)
            for ((happening, tries), _), result in zip(part, answer.of_items(len(part)), strict=True):
                if result.status == CHANGED:
                    # It has changed since we looked: look again, as a person would.
                    kept += self._again(happening, tries, later=True)
                elif result.refused:
                    self.refused += 1
                    logger.warning("%s was not coded: %s %s", happening.id, result.status, result.body)
                else:
                    self.coded += 1
        return kept

    def _again(self, happening: Happening, tries: int, *, later: bool) -> list[Waiting]:
        """Once more, or given up: where later stops are shown already, this one will not come."""
        if tries < (TRIES_LATER if later else TRIES):
            return [(happening, tries + 1)]
        self.given_up += 1
        logger.warning("nobody found the stop of %s: %s", happening.id, happening.data)
        return []


def stop_meant(happening: Happening, stops: list[dict[str, Any]]) -> dict[str, Any] | None:
    """The stop that shares most time with the coding, if that is half of it; it may still be going on."""
    start, end = instant(happening.data["start"]), instant(happening.data["end"])
    stop = max(stops, key=lambda stop: _overlap(stop, start, end), default=None)
    return stop if stop is not None and _overlap(stop, start, end) * 2 >= end - start else None


def reason_row(happening: Happening, stop: dict[str, Any]) -> dict[str, Any]:
    """A stop that goes on, such as a machine repaired when its line had closed, is coded until its end."""
    return {
        "equipment": happening.data["unit"], "start_time": stop["start_time"],
        "end_time": stop["end_time"], "seen_end": stop["end_time"], "reason": happening.data["reason"],
        "comment": happening.data["comment"], "at": instant(happening.at).isoformat(),
    }  # fmt: skip


def _said(happening: Happening, stop: dict[str, Any]) -> bool:
    """Whether the stop carries this very coding: it was said before a crash."""
    return (
        stop["reason"] == happening.data["reason"]
        and stop["said_by"] == happening.data["by"]
        and datetime.fromisoformat(stop["said_at"]) == instant(happening.at)
    )


def _later(happening: Happening, stops: list[dict[str, Any]]) -> bool:
    end = instant(happening.data["end"])
    return any(datetime.fromisoformat(stop["start_time"]) >= end for stop in stops)


def _overlap(stop: dict[str, Any], start: datetime, end: datetime) -> timedelta:
    until = datetime.fromisoformat(stop["end_time"]) if stop["end_time"] else end
    since = datetime.fromisoformat(stop["start_time"])
    return max(min(until, end) - max(since, start), timedelta())
