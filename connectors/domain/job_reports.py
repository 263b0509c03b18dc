"""What a machine told of its orders, put together: by events, by a list, or because it was asked.

The same report heard in two ways is one fact, and one heard late changes nothing that is known better.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from connectors.domain.job_control import AT_WORK, OVER, Response, orders_over_time

MOST_KEPT: Final = 500
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class AtWork(NamedTuple):
    """Which order is at work since when, "" none. ``uncertain``: it was inferred, not told."""

    since: datetime
    code: str
    uncertain: bool = False


class Made(NamedTuple):
    """What was made of an order up to an instant."""

    at: datetime
    code: str
    quantity: Decimal


class JobReports:
    """Instants are the machine's own, or the server's where it does not say."""

    def __init__(self) -> None:
        self._known: dict[str, Response] = {}
        self._heard: dict[str, datetime] = {}
        self._gone: set[str] = set()
        self._inferred: set[datetime] = set()
        self._told: dict[datetime, tuple[str, bool]] = {}
        self._made: dict[str, tuple[datetime | None, Decimal]] = {}
        self._new: list[str] = []
        # Of what ended before it, nothing is kept, so nothing is said again
        self._floor = _NEVER

    def hear(self, told: Response, at: datetime) -> None:
        """One report, true at that instant."""
        known = self._known.get(told.code)
        if known is not None and at < self._heard[told.code]:
            return
        self._heard[told.code] = at
        self._known[told.code] = _dated(told, known, at)
        self._gone.discard(told.code)
        self._new.append(told.code)

    def hear_all(self, told: Iterable[Response], at: datetime, *, whole: bool) -> None:
        """Several; ``whole``: there are no others, so one that was at work and is not among them is over."""
        listed = set()
        for response in told:
            listed.add(response.code)
            self.hear(response, at)
        if not whole:
            return
        for code, known in list(self._known.items()):
            if known.state in AT_WORK and code not in listed and self._heard[code] < at:
                self._known[code] = known._replace(state="ended", end=at)
                self._gone.add(code)

    def at_work(self) -> list[AtWork]:
        """What changed of it since this was asked last, what was told before and is known better included."""
        spans = orders_over_time(self._known.values())
        inferred = self._inferred | {self._known[code].end for code in self._gone}
        instants = sorted({at for at, _ in spans} | {at for at in self._told if at > self._floor})
        found, place, code = list[AtWork](), 0, ""
        for at in instants:
            while place < len(spans) and spans[place][0] <= at:
                code, place = spans[place][1], place + 1
            said = (code, not code and at in inferred)
            if at <= self._floor and at in self._told:
                continue
            if self._told.get(at) != said:
                self._told[at] = said
                found.append(AtWork(at, *said))
        return found

    def standing(self, at: datetime, *, first: bool) -> list[AtWork]:
        """What is at work at that instant, to be said again; of the ``first`` time all is known only that
        nothing is: it ends what was at work when we last listened and is known here no more.
        """
        code = next(
            (code for since, code in reversed(orders_over_time(self._known.values())) if since <= at), ""
        )
        if first and (code or at in self._told):
            return []
        if first:
            self._inferred.add(at)
        self._told[at] = (code, first)
        return [AtWork(at, code, first)]

    def made(self) -> list[Made]:
        """What changed of it, each order from nothing at its start; see ``shared`` for those left out."""
        found = list[Made]()
        for code in dict.fromkeys(self._new):
            known = self._known[code]
            if known.made is None or known.start is None or self._others(known):
                continue
            end = known.end if known.state in OVER else None
            before = self._made.get(code)
            if before == (end, known.made):
                continue
            if before is None:
                found.append(Made(known.start, code, Decimal(0)))
            self._made[code] = (end, known.made)
            found.append(Made(max(known.start, end or self._heard[code]), code, known.made))
        return found

    def shared(self) -> list[str]:
        """Orders heard of anew that had the machine together with others: no counter tells theirs apart."""
        return [code for code in dict.fromkeys(self._new) if self._others(self._known[code])]

    def _others(self, one: Response) -> bool:
        if one.start is None or one.state not in AT_WORK | OVER:
            return False
        end = one.end if one.state in OVER else None
        for other in self._known.values():
            if other.code == one.code or other.start is None or other.state not in AT_WORK | OVER:
                continue
            over = other.end if other.state in OVER else None
            if (end is None or other.start < end) and (over is None or one.start < over):
                return True
        return False

    def settle(self) -> None:
        """All was told: of the orders that are over only the last are kept."""
        self._new.clear()
        over = [one for one in self._known.values() if one.state not in AT_WORK]
        if len(over) <= MOST_KEPT:
            return
        over.sort(key=_ended)
        for one in over[: -MOST_KEPT // 2]:
            self._floor = max(self._floor, _ended(one))
            for kept in (self._known, self._heard, self._made):
                kept.pop(one.code, None)  # type: ignore[attr-defined]
            self._gone.discard(one.code)
        instants = {at for one in self._known.values() for at in (one.start, one.end)}
        self._told = {at: said for at, said in self._told.items() if at > self._floor or at in instants}


def _ended(one: Response) -> datetime:
    return one.end or one.start or _NEVER


def _dated(told: Response, known: Response | None, at: datetime) -> Response:
    """Times it does not say are those it was first heard at."""
    if told.state not in AT_WORK | OVER:
        return told
    start, end = told.start, told.end if told.state in OVER else None
    if start is None:
        start = known.start if known is not None and known.start is not None else end or at
    if end is None and told.state in OVER:
        end = known.end if known is not None and known.state in OVER and known.end is not None else at
    if told.made is None and known is not None:
        told = told._replace(made=known.made)
    return told._replace(start=start, end=None if end is None else max(start, end))
