"""Which reason a stop most likely has: counts of what people said of stops like it, the recent ones more.

A plain model anyone can check by hand. A stop is alike to earlier ones in five ways (``WAYS``). In each way
every reason has a share: its weighted count over that of all, an entry weighing half as much for every
``HALF_LIFE`` of its age. A reason's score is the sum of its shares, each way with its own weight. A share of
little evidence is kept small by ``DOUBT``. The same entries in the same order give the same answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

HALF_LIFE = timedelta(days=14)
EPOCH = datetime(2020, 1, 1, tzinfo=UTC)
DOUBT = 1.0
LAST = 10
MOST = 3


class Features(NamedTuple):
    """What is known of a stop before anyone says why; empty where not known. ``machine_class`` joins machines
    that report the same codes.
    """

    fault_code: str
    machine: str
    product: str
    shift: str
    machine_class: str = ""


# From the closest likeness to the widest: its name, the features that must agree, and its weight.
WAYS: tuple[tuple[str, tuple[str, ...], float], ...] = (
    ("fault_machine", ("fault_code", "machine"), 8.0),
    ("fault_class", ("fault_code", "machine_class"), 4.0),
    ("machine_product", ("machine", "product"), 2.0),
    ("machine_shift", ("machine", "shift"), 1.0),
    ("machine", ("machine",), 1.0),
)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a reason is suggested: it was given ``count`` of the last ``of`` times (at most 10) in this way."""

    way: str
    fault_code: str
    count: int
    of: int


@dataclass(frozen=True, slots=True)
class Suggestion:
    reason_code: str
    score: float
    cause: Cause


class _Tally:
    """Weighted counts by reason of one way of being alike, and the last reasons given.

    Instead of letting all that is old fade with every entry, an entry weighs more the later it is said.
    """

    __slots__ = ("at", "counts", "last", "total")

    def __init__(self) -> None:
        self.at = EPOCH
        self.counts: dict[str, float] = {}
        self.total = 0.0
        self.last: deque[str] = deque(maxlen=LAST)

    def add(self, reason_code: str, at: datetime, weight: float) -> None:
        self.counts[reason_code] = self.counts.get(reason_code, 0.0) + weight
        self.total += weight
        self.at = at
        self.last.append(reason_code)


def _weight(at: datetime) -> float:
    """Twice as much for every half-life later; the epoch cancels out of every share."""
    return float(2.0 ** ((at - EPOCH) / HALF_LIFE))


class History:
    """What people said so far. Entries are added in the order they were said; asking changes nothing."""

    def __init__(self) -> None:
        self._tallies: dict[tuple[str, ...], _Tally] = {}

    def add(self, features: Features, reason_code: str, at: datetime) -> None:
        """Learn one entry. ValueError when it was said before one already learnt of the same sort."""
        weight = _weight(at)
        for _way, key, _importance in _keys(features):
            tally = self._tallies.get(key)
            if tally is None:
                tally = self._tallies[key] = _Tally()
            if at < tally.at:
                raise ValueError(f"entry of {at.isoformat()} after one of {tally.at.isoformat()}")
            tally.add(reason_code, at, weight)

    def suggestions(
        self, features: Features, at: datetime, *, offered: Collection[str] | None = None, most: int = MOST
    ) -> list[Suggestion]:
        """The likeliest reasons of a stop as known at an instant, best first; only ``offered`` ones if given.

        None where nothing alike was ever coded. Equal scores are in the order of their codes.
        """
        scores: dict[str, float] = {}
        causes: dict[str, Cause] = {}
        doubt = DOUBT * _weight(at)
        for way, key, importance in _keys(features):
            tally = self._tallies.get(key)
            if tally is None:
                continue
            for code, counted in tally.counts.items():
                if offered is not None and code not in offered:
                    continue
                share = counted / (tally.total + doubt)
                scores[code] = scores.get(code, 0.0) + importance * share
                count = tally.last.count(code)
                if code not in causes and count:
                    causes[code] = Cause(way, features.fault_code, count, len(tally.last))
        # One given long ago only, so that none of the last ten was it, has no cause to show.
        ranked = sorted(causes, key=lambda code: (-round(scores[code], 9), code))
        return [Suggestion(code, scores[code], causes[code]) for code in ranked[:most]]


_PLACES = tuple(
    (way, tuple(Features._fields.index(name) for name in names), importance)
    for way, names, importance in WAYS
)


def _keys(features: Features) -> list[tuple[str, tuple[str, ...], float]]:
    """The ways a stop with these features can be alike to others: those whose features are all known."""
    found = []
    for way, places, importance in _PLACES:
        values = tuple(features[place] for place in places)
        if all(values):
            found.append((way, (way, *values), importance))
    return found


@dataclass(frozen=True, slots=True)
class Hits:
    """How often what people chose was suggested first, and among the first three. Shares None without any."""

    asked: int = 0
    first: int = 0
    among: int = 0

    def plus(self, ranked: list[Suggestion], chosen: str) -> Hits:
        codes = [item.reason_code for item in ranked[:MOST]]
        return Hits(self.asked + 1, self.first + (codes[:1] == [chosen]), self.among + (chosen in codes))

    @property
    def first_share(self) -> float | None:
        return self.first / self.asked if self.asked else None

    @property
    def among_share(self) -> float | None:
        return self.among / self.asked if self.asked else None
