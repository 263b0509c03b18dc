"""Worked examples that others published, each with its source, as a machine would have told them.

A source gives totals; where in the shift a stop lies is ours, and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_DOWN, ROUND_HALF_UP, Decimal

from plant.domain.calendar import Slot
from plant.domain.intervals import Interval
from production.domain.account import OrderUse
from tests.oracles.rest_plant import Told, merged

ZERO = datetime(2026, 3, 2, tzinfo=UTC)
RUNNING, SETUP = "execute", "setup"
# [from, until) in minutes, and what: a kind of planned time, or a state ("setup": stopped in that mode).
Span = tuple[int, int, str]


def at(minutes: float) -> datetime:
    return ZERO + timedelta(minutes=minutes)


@dataclass(frozen=True, slots=True)
class Example:
    """Minutes from midnight. ``stood``: when the machine did not run between ``begins`` and ``ends``.

    ``published``: standard and figure → percent with the digits its source prints; ``rounding`` is the
    source's.
    """

    name: str
    source: str
    planned: Sequence[Span]
    stood: Sequence[Span]
    total: int
    rejects: int
    per_hour: Decimal
    published: Mapping[tuple[str, str], str]
    window: tuple[int, int] = (0, 480)
    works: tuple[int, int] | None = None
    every: int = 1
    rounding: str = ROUND_HALF_UP
    seconds: Mapping[str, int] = field(default_factory=dict)

    @property
    def interval(self) -> Interval:
        return Interval(*map(at, self.window))

    @property
    def order(self) -> OrderUse:
        """The time it had work, by default the whole window."""
        start, end = self.works or self.window
        return OrderUse(at(start), at(end), "PO1")

    @property
    def slots(self) -> list[Slot]:
        return [Slot(at(start), at(end), kind, "S", ZERO.date()) for start, end, kind in self.planned]

    def told(self) -> list[Told]:
        """States, and counters that tell every so many minutes how many were made."""
        return merged(self._states(), self._counts())

    def shown(self, standard: str, figure: str, value: Decimal) -> str:
        """A ratio in percent, with the digits the source prints."""
        digits = Decimal(self.published[standard, figure])
        return str((100 * value).quantize(digits, rounding=self.rounding))

    def _states(self) -> Iterator[Told]:
        yield at(self.window[0]), "mode", "produce"
        for start, until, what in self._did():
            yield at(start), "state", "stopped" if what == SETUP else what
            if what == SETUP:
                yield at(start), "mode", SETUP
                yield at(until), "mode", "produce"

    def _did(self) -> Iterator[Span]:
        """The whole window end to end."""
        now, end = self.window
        for start, until, what in sorted(self.stood):
            if now < start:
                yield now, start, RUNNING
            yield start, until, what
            now = until
        if now < end:
            yield now, end, RUNNING

    def _counts(self) -> Iterator[Told]:
        """In even steps over the running time, just before the end of each."""
        ends = [
            step + self.every
            for start, until, what in self._did()
            if what == RUNNING
            for step in range(start, until, self.every)
        ]
        for role, made in (("good_count", self.total - self.rejects), ("scrap_count", self.rejects)):
            yield at(self.window[0]), role, 0
            for number, minute in enumerate(ends, 1):
                yield at(minute) - timedelta(seconds=1), role, made * number // len(ends)


def _iso(availability: str, effectiveness: str, quality: str, oee: str) -> dict[tuple[str, str], str]:
    names = ("availability", "effectiveness", "quality", "oee")
    values = (availability, effectiveness, quality, oee)
    return {("iso_22400_2", name): value for name, value in zip(names, values, strict=True)}


VORNE = Example(
    name="Vorne, the first shift",
    source="Vorne Industries, Calculating OEE worksheet (2002-2005) and oee.com, 'OEE calculation'",
    planned=[(0, 480, "shift"), (120, 135, "break"), (240, 270, "break"), (360, 375, "break")],
    stood=[
        (120, 135, "stopped"),
        (240, 270, "stopped"),
        (300, 347, "aborted"),
        (360, 375, "stopped"),
    ],
    total=19_271,
    rejects=423,
    per_hour=Decimal(3600),
    published=_iso("88.81", "86.11", "97.80", "74.79"),
    seconds={"running": 373 * 60, "breakdown": 47 * 60, "break": 3600},
)
WORKSHEET = Example(
    name="Vorne's worksheet, filled in by a plant",
    source="scribd.com/doc/49381305, Calculating OEE worksheet: 480 min, pauses 15 + 30 min, 30 min down, "
    "2 pieces per minute, 700 pieces, 25 rejected",
    planned=[(0, 480, "shift"), (100, 115, "break"), (240, 270, "break")],
    stood=[(100, 115, "stopped"), (240, 270, "stopped"), (400, 430, "aborted")],
    total=700,
    rejects=25,
    per_hour=Decimal(120),
    published=_iso("93.10", "86.42", "96.43", "77.59"),
    seconds={"running": 405 * 60, "breakdown": 1800, "break": 2700},
)
EUROMOTOR = Example(
    name="TPM course, breakdowns, set-up and adjustment",
    source="euromotor.org, Introduction to TPM, 'Worked example of OEE': 480 min, 20 min pauses, 20 min each "
    "of breakdown, set-up and adjustment, 400 components of which 8 rejected, 0.5 min each",
    planned=[(0, 480, "shift"), (240, 260, "break")],
    stood=[(60, 80, SETUP), (80, 100, SETUP), (240, 260, "stopped"), (300, 320, "aborted")],
    total=400,
    rejects=8,
    per_hour=Decimal(120),
    published=_iso("87", "50", "98", "42.6"),
    seconds={"running": 24_000, "setup": 2400, "breakdown": 1200, "break": 1200},
)
WILLMOTT = Example(
    name="TPM, changeovers beside stoppages",
    source="Willmott and McCarthy, TPM: A Route to World-Class Performance, p. 127: 910 min planned, 115 min "
    "of unplanned stoppages, 12 min changeover, 203 cycles of 3 min; the source cuts 77.78 to 77.7",
    planned=[(0, 910, "shift")],
    stood=[(200, 315, "aborted"), (500, 512, SETUP)],
    total=203,
    rejects=0,
    per_hour=Decimal(20),
    published={("iso_22400_2", "availability"): "86.0", ("iso_22400_2", "effectiveness"): "77.7"},
    window=(0, 910),
    rounding=ROUND_DOWN,
    seconds={"running": 783 * 60, "breakdown": 115 * 60, "setup": 720},
)
FL_CONSULTANTS = Example(
    name="NF E60-182 over 24 hours",
    source="flconsultants.fr, 'Exemple de calcul du TRS': open 8:00 to 17:00, pause 12:00 to 13:00, no load "
    "in the last half hour, induced stops 8:00-8:30 and 14:00-15:00, 450 good and 20 rejected pieces of "
    "0.6 min; running 300 min, so 60 min of own stops",
    planned=[(480, 1020, "shift"), (720, 780, "break")],
    stood=[
        (0, 480, "stopped"),
        (480, 510, "starved"),
        (510, 540, "aborted"),
        (720, 780, "stopped"),
        (840, 900, "starved"),
        (900, 930, SETUP),
        (990, 1440, "stopped"),
    ],
    total=470,
    rejects=20,
    per_hour=Decimal(100),
    published={
        ("nf_e60_182", "trs"): "60",
        ("nf_e60_182", "trg"): "50",
        ("nf_e60_182", "tre"): "18.8",
        ("nf_e60_182", "tq"): "95.7",
        ("nf_e60_182", "tp"): "94",
    },
    window=(0, 1440),
    works=(480, 990),
    seconds={
        "running": 18_000,
        "starved": 5400,
        "breakdown": 1800,
        "setup": 1800,
        "break": 3600,
        "no_load": 1800,
        "closed": 54_000,
    },
)
TD_TPM = Example(
    name="NF E60-182 exercise with its solution",
    source="fr.scribd.com/document/492143207, 'TD TPM TRS TRG, corrigé détaillé', exercise 1: 480 min, "
    "20 min pause and 20 min preparation outside the required time, 20 min breakdowns, 20 min adjustments, "
    "400 pieces of which 5 rejected, 0.5 min each",
    planned=[(0, 480, "shift"), (0, 20, "meeting"), (240, 260, "break")],
    stood=[(0, 20, "stopped"), (100, 120, "aborted"), (180, 200, SETUP), (240, 260, "stopped")],
    total=400,
    rejects=5,
    per_hour=Decimal(120),
    published={
        ("nf_e60_182", "do"): "91",
        ("nf_e60_182", "tp"): "50",
        ("nf_e60_182", "tq"): "99",
        ("nf_e60_182", "trs"): "45",
    },
    seconds={"running": 24_000, "breakdown": 1200, "setup": 1200, "break": 1200, "meeting": 1200},
)
ENIM = Example(
    name="TRS from pieces alone",
    source="fr.scribd.com/document/706171807, 'TRS', ENIM 2023: 70 h of required time, 555 good pieces of "
    "612 ten-thousandths of an hour (16.34 per hour): 48.5 %",
    planned=[(0, 4200, "shift")],
    stood=[],
    total=555,
    rejects=0,
    per_hour=Decimal("16.3399"),
    published={("nf_e60_182", "trs"): "48.5"},
    window=(0, 4200),
    every=10,
    seconds={"running": 252_000},
)
EXAMPLES = (VORNE, WORKSHEET, EUROMOTOR, WILLMOTT, FL_CONSULTANTS, TD_TPM, ENIM)


def _versalytics(letter: str, down: int, cycle: int, total: int, rejects: int, oee: str) -> Example:
    return Example(
        name=f"machine {letter}",
        source="versalytics.org, 'Calculating OEE' and 'Weighted OEE' (December 2008): three machines of one "
        "shift of 480 min less 25 min of pauses; A: 10 s, 2240 made, 50 rejected, 32 min down; B: 45 s, 450, "
        "25, 18 min; C: 70 s, 229, 11, 22 min",
        planned=[(0, 480, "shift"), (120, 130, "break"), (300, 310, "break"), (475, 480, "meeting")],
        stood=[
            (120, 130, "stopped"),
            (200, 200 + down, "aborted"),
            (300, 310, "stopped"),
            (475, 480, "stopped"),
        ],
        total=total,
        rejects=rejects,
        per_hour=(Decimal(3600) / cycle).quantize(Decimal("0.0001")),
        published={("iso_22400_2", "oee"): oee},
        seconds={"running": (455 - down) * 60, "breakdown": down * 60, "break": 1200, "meeting": 300},
    )


# One by one, and together: a group's figure is the ratio of sums, never a mean of ratios.
MACHINES = (
    _versalytics("A", 32, 10, 2240, 50, "80.22"),
    _versalytics("B", 18, 45, 450, 25, "70.05"),
    _versalytics("C", 22, 70, 229, 11, "55.90"),
)
TOGETHER = {"availability": "94.73", "oee": "68.72"}
