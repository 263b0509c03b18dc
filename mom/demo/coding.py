"""Operators coding stops: they look at the list of stops the product shows, pick the one they mean, say why.

The stops are derived a little after the samples arrive, so a coding waits until its stop is shown.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from mom.demo.client import Api
from mom.demo.events import Happening

logger = logging.getLogger(__name__)
TRIES, TRIES_LATER = 200, 5
DAY = 86_400_000
MARGIN = timedelta(minutes=30)


def instant(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


class Coder:
    """``waiting`` are codings whose stop is not shown yet, each with how often it was looked for."""

    def __init__(self, api: Api, key: Callable[[str], str]) -> None:
        self._api, self._key = api, key
        self.waiting: list[tuple[Happening, int]] = []
        self.coded = self.given_up = 0

    def add(self, happenings: Iterable[Happening]) -> None:
        self.waiting += [(happening, 0) for happening in happenings]

    def work(self) -> None:
        """Look once for every waiting stop: one list per machine and day."""
        lists: dict[tuple[str, int], list[tuple[Happening, int]]] = {}
        for happening, tries in self.waiting:
            day = happening.data["start"] // DAY
            lists.setdefault((happening.data["unit"], day), []).append((happening, tries))
        kept = []
        for (unit, _), codings in sorted(lists.items(), key=lambda item: item[0]):
            stops = self._stops(unit, [happening for happening, _ in codings])
            kept += [(h, tries + 1) for h, tries in codings if not self._code(h, tries, stops)]
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

    def _code(self, happening: Happening, tries: int, stops: list[dict[str, Any]]) -> bool:
        """Whether it is done with: said, or not to be said any more."""
        start, end = instant(happening.data["start"]), instant(happening.data["end"])
        stop = max(stops, key=lambda stop: _overlap(stop, start, end), default=None)
        if stop is None or _overlap(stop, start, end) * 2 < end - start or stop["end_time"] is None:
            # Where later stops are shown already, this one will not come.
            later = any(datetime.fromisoformat(stop["start_time"]) >= end for stop in stops)
            return self._give_up(tries >= (TRIES_LATER if later else TRIES))
        body = {
            "equipment": happening.data["unit"], "start_time": stop["start_time"],
            "end_time": stop["end_time"], "seen_end": stop["end_time"], "reason": happening.data["reason"],
            "comment": happening.data["comment"], "at": instant(happening.at).isoformat(),
        }  # fmt: skip
        answer = self._api.call(
            "POST", "/api/v1/stops/reasons", body, by=happening.data["by"], key=self._key(happening.id)
        )
        if answer.status == 409:
            # It has changed since we looked: look again, as a person would.
            return self._give_up(tries >= TRIES_LATER)
        if answer.refused:
            logger.warning("%s was not coded: %s %s", happening.id, answer.status, str(answer.body)[:300])
        else:
            self.coded += 1
        return True

    def _give_up(self, now: bool) -> bool:
        self.given_up += now
        return now


def _overlap(stop: dict[str, Any], start: datetime, end: datetime) -> timedelta:
    until = datetime.fromisoformat(stop["end_time"]) if stop["end_time"] else end
    since = datetime.fromisoformat(stop["start_time"])
    return max(min(until, end) - max(since, start), timedelta())
