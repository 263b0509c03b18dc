"""What a display on the wall tells of a line: on plan, what stands still, since when, who has it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from django.utils.translation import get_language

from mom.calls.selectors import CallTold, calls_shown
from mom.pages import board, words
from mom.pages.reading import LineReading, kept, lines_reading, version_of
from mom.tablet.calls import ICONS, KINDS
from plant.access import Actor, Grant
from production.domain.time_model import SETUP
from production.selectors.andon import Standing, standing_now

if TYPE_CHECKING:
    from plant.models import Equipment
    from production.domain.account import Account

# The pacing machine's data older than this are no longer what goes on now.
OLD = timedelta(minutes=2)
SHOWN = 3  # of each list: more cannot be read from afar


@dataclass(frozen=True, slots=True)
class Halted:
    """A machine that stands still. ``who`` is empty while nobody said why or took the request."""

    equipment: str
    paces: bool
    kind: str
    word: str
    since: datetime | None
    why: str
    who: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A call for help. ``who`` is empty while nobody has taken it."""

    kind: str
    icon: str
    word: str
    place: str
    since: datetime
    who: str


@dataclass(frozen=True, slots=True)
class TvLine:
    """``kind`` and ``word``: state of the machine that paces the line.

    ``silent``: machines nothing is known of now. ``data_until``: where the pacing machine's data are old.
    """

    line: Equipment
    zone: ZoneInfo
    now: datetime
    shift: str
    kind: str
    word: str
    machine: str
    since: datetime | None
    order: board.OrderView | None
    halted: tuple[Halted, ...]
    calls: tuple[Waiting, ...]
    silent: int
    data_until: datetime | None

    @property
    def shown_halted(self) -> tuple[Halted, ...]:
        return self.halted[:SHOWN]

    @property
    def shown_calls(self) -> tuple[Waiting, ...]:
        return self.calls[:SHOWN]

    @property
    def more_halted(self) -> int:
        """How many are not shown."""
        return max(len(self.halted) - SHOWN, 0)

    @property
    def more_calls(self) -> int:
        return max(len(self.calls) - SHOWN, 0)

    @property
    def nobody(self) -> int:
        """Calls nobody has taken."""
        return sum(not call.who for call in self.calls)

    @property
    def waiting_since(self) -> datetime | None:
        """When the oldest call nobody has taken was raised."""
        return min((call.since for call in self.calls if not call.who), default=None)

    @property
    def verdict(self) -> str:
        """On plan or not; ``no_order`` while none is running."""
        return self.order.plan.verdict if self.order and self.order.plan else "no_order"


def tv_lines(lines: Mapping[Equipment, str], *, now: datetime) -> list[TvLine]:
    """Lines, each with its revision, as displays show them; each made once per change of the line."""
    readings = lines_reading(lines, now=now)
    fresh = _Fresh(readings, now)
    return [
        kept(
            f"tv {get_language()}",
            reading.line,
            version_of(reading.revision, reading.now),
            lambda reading=reading: fresh.line(reading),  # type: ignore[misc]
        )
        for reading in sorted(readings, key=lambda one: one.line.path)
    ]


class _Fresh:
    """Stops going on and calls of some lines, read once, and only if one of them is made anew."""

    def __init__(self, readings: Sequence[LineReading], now: datetime) -> None:
        self._readings, self._now = readings, now
        self._read: tuple[dict[int, Standing], list[CallTold]] | None = None

    def line(self, reading: LineReading) -> TvLine:
        if self._read is None:
            self._read = self._reads()
        standing, calls = self._read
        return tv_line(reading, standing, calls)

    def _reads(self) -> tuple[dict[int, Standing], list[CallTold]]:
        paths = [reading.line.path for reading in self._readings]
        standing = {row.equipment_id: row for row in standing_now(line_paths=paths)}
        grants = tuple(Grant("supervisor", path) for path in paths)
        calls = calls_shown(Actor(label="andon", grants=grants), now=self._now)
        return standing, [call for call in calls if call.state != "resolved"]


def tv_line(reading: LineReading, standing: Mapping[int, Standing], calls: Iterable[CallTold]) -> TvLine:
    constraint = reading.constraint
    kind, word, since = _state(reading.account) if constraint else (words.UNKNOWN, "", None)
    if constraint and (row := standing.get(constraint.pk)) and kind in (words.STOP, words.SETUP):
        since = row.start
    until = reading.account.end if reading.account else None
    return TvLine(
        line=reading.line,
        zone=reading.zone,
        now=reading.now,
        shift=(reading.shift.name or reading.shift.code) if reading.shift else "",
        kind=kind,
        word=word,
        machine=constraint.name if constraint else "",
        since=since,
        order=board.order_view(reading, reading.order),
        halted=tuple(_halted(reading, standing)),
        calls=tuple(_waiting(call) for call in calls if _is_of(call, reading.line)),
        silent=sum(_state(reading.accounts.get(unit.pk))[0] == words.UNKNOWN for unit in reading.units),
        data_until=until if until is not None and reading.now - until > OLD else None,
    )


def _is_of(call: CallTold, line: Equipment) -> bool:
    return call.call.equipment.path.startswith(line.path)


def _state(account: Account | None) -> tuple[str, str, datetime | None]:
    """Kind, word and since when; a changeover is one, whatever state the machine is in."""
    state, since = board.state_since(account)
    if account is not None and account.segments and account.segments[-1].time_class == SETUP:
        return words.SETUP, words.class_word(SETUP), since
    return words.state_kind(state), words.state_word(state), since


def _halted(reading: LineReading, standing: Mapping[int, Standing]) -> list[Halted]:
    """Machines that stand still by themselves or are changed over: the one that paces the line first."""
    found = []
    taken = {call.equipment.pk: call.taken_by for call in reading.requests if call.taken_by}
    for unit in reading.units:
        kind, word, since = _state(reading.accounts.get(unit.pk))
        if kind not in (words.STOP, words.SETUP):
            continue
        row = standing.get(unit.pk)
        found.append(
            Halted(
                equipment=unit.name,
                paces=reading.constraint is not None and unit.pk == reading.constraint.pk,
                kind=kind,
                word=word,
                since=row.start if row else since,
                why=row.reason if row else "",
                who=taken.get(unit.pk) or (row.said_by if row else ""),
            )
        )
    return sorted(found, key=lambda one: (not one.paces, one.since or reading.now, one.equipment))


def _waiting(told: CallTold) -> Waiting:
    call = told.call
    return Waiting(
        kind=call.kind,
        icon=ICONS.get(call.kind, "person"),
        word=str(KINDS.get(call.kind, call.kind)),  # type: ignore[call-overload]
        place=call.equipment.name,
        since=call.raised_at,
        who=told.taken_by,
    )
