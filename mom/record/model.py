"""The shape of the record. Plain values only: the page and the JSON are two renderings of these rows.

``evidence`` opens what a number was made of: an anchor or a page. None means not known, never zero."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from mom.record.amounts import PieceBalance, QuantityRow, Rework, ScrapReason


@dataclass(frozen=True, slots=True)
class Head:
    """The order as asked for now, and when it was worked on. ``until``: how far the account goes."""

    code: str
    state: str
    product_code: str
    product: str
    line_code: str
    line: str
    work_master: str
    quantity: Decimal
    unit: str
    version: int
    planned_start: datetime | None
    planned_end: datetime | None
    due_time: datetime | None
    options: dict[str, object]
    start: datetime | None
    end: datetime | None
    until: datetime | None
    working_seconds: int | None


@dataclass(frozen=True, slots=True)
class StoryLine:
    """One of the seven lines every record tells. ``known`` is false where nothing was recorded about it."""

    key: str
    title: str
    text: str
    known: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """Planned beside actual, in one unit: an instant, seconds or a quantity."""

    key: str
    what: str
    kind: str
    planned: datetime | Decimal | int | None
    actual: datetime | Decimal | int | None
    difference: Decimal | int | None
    evidence: str


@dataclass(frozen=True, slots=True)
class Slice:
    """One piece of a machine's lane, in one state and one class of time."""

    start: datetime
    end: datetime
    state: str
    time_class: str
    word: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Lane:
    equipment_code: str
    equipment: str
    is_constraint: bool
    slices: tuple[Slice, ...]
    running_seconds: int
    no_data_seconds: int
    evidence: str


@dataclass(frozen=True, slots=True)
class TimeRow:
    time_class: str
    word: str
    seconds: int
    share: Decimal | None
    count: int | None
    evidence: str


@dataclass(frozen=True, slots=True)
class TimeSplit:
    """The order's span on one machine. ``is_attributed``: its lost time is told by where it started.
    ``rule``: which one is in force where machines side by side are one account, or orders share the time.
    """

    equipment_code: str
    equipment: str
    is_declared: bool
    is_attributed: bool
    rows: tuple[TimeRow, ...]
    span_seconds: int
    total_seconds: int
    unexplained_seconds: int
    rule: str = ""


@dataclass(frozen=True, slots=True)
class StopRow:
    """One stop inside the order. Seconds are clipped to the order; the class is by the whole stop.

    ``fault_text``: the machine's own words of its fault code.
    """

    id: str
    equipment_code: str
    equipment: str
    start: datetime
    end: datetime | None
    seconds: int
    base_class: str
    size: str
    needs_reason: bool
    fault_code: str
    reason: str
    reason_code: str
    said_by: str
    said_at: datetime | None
    comment: str
    is_constraint: bool
    evidence: str
    fault_text: str = ""


@dataclass(frozen=True, slots=True)
class StopGroup:
    """Stops of one cause on the constraint. ``machine``: where they began; ``key`` addresses its evidence."""

    word: str
    seconds: int
    count: int
    evidence: str
    machine: str = ""
    cause: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class LotRow:
    direction: str
    lot_code: str
    material_code: str
    material: str
    kind: str
    quantity: Decimal | None  # None: a machine told the lot, and nobody booked it
    unit: str
    at: datetime
    by: str
    in_bom: bool | None
    evidence: str


@dataclass(frozen=True, slots=True)
class BalanceRow:
    """used = in product + scrapped + returned + remainder, for one material."""

    material_code: str
    material: str
    unit: str
    planned: Decimal | None
    used: Decimal
    in_product: Decimal | None
    scrapped: Decimal
    returned: Decimal
    remainder: Decimal | None
    evidence: str


@dataclass(frozen=True, slots=True)
class ShortageRow:
    material: str
    equipment: str
    start: datetime
    end: datetime | None
    seconds: int
    comment: str
    said_by: str
    evidence: str


@dataclass(frozen=True, slots=True)
class AlarmRow:
    """Of one alarm code: how often, how long; and each time it was raised, acknowledged, cleared.

    ``text``: the machine's own words; of a two-state alarm signal its name; empty where neither is known.
    """

    code: str
    equipment_code: str
    equipment: str
    raised: datetime
    acknowledged: datetime | None
    cleared: datetime | None
    seconds: int | None
    evidence: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class ProcessValue:
    """A process value against its setpoint. Points are thinned for drawing; figures are of every sample.

    ``dropped_at``: when values of it were dropped, by the rule ``dropped_by`` of how long they are kept.
    """

    name: str
    equipment_code: str
    equipment: str
    unit: str
    points: tuple[tuple[datetime, float], ...]
    setpoints: tuple[tuple[datetime, float], ...]
    lowest: float | None
    average: float | None
    highest: float | None
    setpoint: float | None
    count: int
    evidence: str
    dropped_at: datetime | None = None
    dropped_by: str = ""


@dataclass(frozen=True, slots=True)
class ToolRow:
    code: str
    equipment: str
    start: datetime
    end: datetime | None
    evidence: str


@dataclass(frozen=True, slots=True)
class TestRow:
    """``version`` of its check; ``replaced``: a later one counts; ``corrects``: why an earlier was wrong."""

    name: str
    value: str
    limits: str
    verdict: str
    at: datetime
    by: str
    source: str
    evidence: str
    version: int | None = None
    replaced: bool = False
    corrects: str = ""


@dataclass(frozen=True, slots=True)
class DeviationRow:
    """A nonconformance, with the decision on the product once there is one."""

    code: str
    title: str
    state: str
    quantity: Decimal | None
    unit: str
    disposition: str
    decided_by: str
    decided_at: datetime | None
    at: datetime
    evidence: str


@dataclass(frozen=True, slots=True)
class RequestRow:
    """A maintenance request and what the machine looked like when it was raised."""

    code: str
    equipment: str
    title: str
    state: str
    raised_at: datetime
    raised_by: str
    taken_at: datetime | None
    taken_by: str
    closed_at: datetime | None
    done: str
    context: tuple[str, ...]
    evidence: str


@dataclass(frozen=True, slots=True)
class PersonRow:
    name: str
    did: tuple[str, ...]
    evidence: str


@dataclass(frozen=True, slots=True)
class SaidRow:
    """A decision or a note: who, when, what, why."""

    at: datetime
    by: str
    kind: str
    text: str
    why: str
    evidence: str


@dataclass(frozen=True, slots=True)
class VersionRow:
    version: int
    at: datetime
    change: str
    by: str
    why: str
    changes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class GapRow:
    source: str
    start: datetime
    end: datetime | None
    seconds: int
    cause: str
    recovered: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Completeness:
    """What could still change or is missing. Shares are of the order's span on the constraint."""

    is_provisional: bool
    provisional_until: datetime | None
    uncoded_stops: int
    uncoded_seconds: int
    no_data_seconds: int | None
    no_data_share: Decimal | None
    gaps: int


@dataclass(frozen=True, slots=True)
class Answer:
    """One of the seven questions: yes, no or not_known, and what it rests on."""

    key: str
    question: str
    verdict: str
    because: str
    evidence: str


@dataclass(frozen=True, slots=True)
class OperationalRecord:
    """Everything known of one production order at ``as_of``."""

    head: Head
    as_of: datetime
    zone: ZoneInfo
    verdict: str
    story: tuple[StoryLine, ...]
    questions: tuple[Answer, ...]
    completeness: Completeness
    plan: tuple[Comparison, ...]
    lanes: tuple[Lane, ...]
    split: TimeSplit | None
    stops: tuple[StopRow, ...]
    stop_groups: tuple[StopGroup, ...]
    micro_stops: StopGroup | None
    quantities: tuple[QuantityRow, ...]
    pieces: PieceBalance | None
    scrap_reasons: tuple[ScrapReason, ...]
    rework: Rework | None
    lots: tuple[LotRow, ...]
    balance: tuple[BalanceRow, ...]
    shortages: tuple[ShortageRow, ...]
    alarms: tuple[AlarmRow, ...]
    values: tuple[ProcessValue, ...]
    tools: tuple[ToolRow, ...]
    tests: tuple[TestRow, ...]
    deviations: tuple[DeviationRow, ...]
    requests: tuple[RequestRow, ...]
    people: tuple[PersonRow, ...]
    decisions: tuple[SaidRow, ...]
    notes: tuple[SaidRow, ...]
    versions: tuple[VersionRow, ...]
    gaps: tuple[GapRow, ...]
