"""What the machine that paces the line lost in a window: its account, grouped, in time and in pieces."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from plant.domain.quantities import ratio
from production.domain.account import Account, Segment
from production.domain.line.losses import LOST, LineLosses, LostPart, total
from production.domain.oee import seconds
from production.domain.time_model import STANDARDS, UNKNOWN

REQUIRED = STANDARDS["NF E60-182"]["TR"]
HOUR = Decimal(3600)
UNCODED = "uncoded"


@dataclass(frozen=True, slots=True)
class Loss:
    """Stops of one class and reason. ``pieces`` = time × ideal rate; None where no ideal rate is known.

    ``until``: when the last of them ended, or the account does.
    ``money``: contribution not made, ``cost``: of the line's time; two readings of one loss, None not known.
    ``kind`` and ``machine`` (its code): what it came from, as the first-fault walk found it; empty without.
    """

    time_class: str
    reason_code: str
    uncoded: bool
    count: int
    duration: timedelta
    pieces: Decimal | None
    kind: str = ""
    machine: str = ""
    until: datetime | None = None
    money: Decimal | None = None
    cost: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Losses:
    """All losses of a window, the dearest first. ``required``: time the machine was meant to run in."""

    rows: tuple[Loss, ...]
    required: timedelta
    total: timedelta

    @property
    def share(self) -> Decimal | None:
        return ratio(seconds(self.total), seconds(self.required))

    @property
    def pieces_per_hour(self) -> Decimal | None:
        """Pieces lost per required hour."""
        known = [row.pieces for row in self.rows]
        if not known or any(pieces is None for pieces in known):
            return None
        lost = sum((pieces for pieces in known if pieces is not None), Decimal(0))
        per_second = ratio(lost, seconds(self.required))
        return None if per_second is None else per_second * HOUR


@dataclass(frozen=True, slots=True)
class DataQuality:
    """How far the figures of a window can be trusted. Shares between 0 and 1; None with nothing to share."""

    coded: Decimal | None
    known: Decimal | None
    contradicted: int

    @property
    def is_good(self) -> bool:
        """Above what the plant accepts: 80 % of stop time with a reason, 95 % of the time with data."""
        return (self.coded is None or self.coded >= Decimal("0.8")) and (
            self.known is not None and self.known >= Decimal("0.95")
        )


def group_of(segment: Segment) -> tuple[str, str, bool]:
    """What waits for a reason is one group, whatever the machine makes of it."""
    return (UNCODED, "", True) if segment.uncoded else (segment.time_class, segment.reason_code, False)


def losses(account: Account, *, units_per_hour: Decimal | None) -> Losses:
    """Group the lost time of an account by class and reason; stops counted once however they are cut."""
    groups: dict[tuple[str, str, bool], list[Segment]] = {}
    for segment in account.segments:
        if segment.time_class in LOST:
            groups.setdefault(group_of(segment), []).append(segment)
    return _losses(account, [_loss(key, segments, units_per_hour) for key, segments in groups.items()])


def attributed(account: Account, found: LineLosses) -> Losses:
    """The same lost time by the machine each part of it began at."""
    groups: dict[tuple[str, str, str, str, bool], list[LostPart]] = {}
    for part in found.parts:
        what = (UNCODED, "", True) if part.uncoded else (part.time_class, part.reason_code, False)
        groups.setdefault((part.cause.kind, part.cause.machine, *what), []).append(part)
    return _losses(account, [_origin(key, parts) for key, parts in groups.items()])


def _losses(account: Account, rows: list[Loss]) -> Losses:
    ordered = sorted(rows, key=lambda row: (-row.duration, row.time_class, row.reason_code, row.machine))
    required = sum((s.duration for s in account.segments if s.time_class in REQUIRED), timedelta())
    return Losses(tuple(ordered), required, sum((row.duration for row in rows), timedelta()))


def _loss(key: tuple[str, str, bool], segments: list[Segment], units_per_hour: Decimal | None) -> Loss:
    duration = sum((segment.duration for segment in segments), timedelta())
    pieces = None if units_per_hour is None else units_per_hour * seconds(duration) / HOUR
    count = len({segment.stop_start for segment in segments if segment.stop_start})
    return Loss(*key, count, duration, pieces, until=max(segment.end for segment in segments))


def _origin(key: tuple[str, str, str, str, bool], parts: list[LostPart]) -> Loss:
    kind, machine, time_class, reason, uncoded = key
    duration = sum((part.duration for part in parts), timedelta())
    pieces, money, cost = (
        _decimal(total(amounts))
        for amounts in (
            [part.pieces for part in parts],
            [part.money for part in parts],
            [part.cost for part in parts],
        )
    )
    count = len({(part.machine, part.segment.stop_start) for part in parts})
    until = max(part.end for part in parts)
    return Loss(time_class, reason, uncoded, count, duration, pieces, kind, machine, until, money, cost)


def _decimal(amount: Fraction | None) -> Decimal | None:
    return None if amount is None else Decimal(amount.numerator) / Decimal(amount.denominator)


def data_quality(account: Account) -> DataQuality:
    """Of the stop time that asks for a reason, how much has one; of the open time, how much has data."""
    coded = sum((s.duration for s in account.segments if s.reason_code and s.stop_start), timedelta())
    asked = coded + account.uncoded
    unknown = account.durations.get(UNKNOWN, timedelta())
    open_time = account.span - account.durations.get("closed", timedelta())
    return DataQuality(
        ratio(seconds(coded), seconds(asked)),
        ratio(seconds(open_time - unknown), seconds(open_time)),
        len(account.contradicted),
    )
