"""What a server tells of its job orders (OPC 10031-4, ISA-95 job control): its responses, put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple

from asyncua import ua

from connectors.domain.columns import Columns, instant, micros
from connectors.domain.job_control import OVER, STATES_1, Response, state_of
from connectors.domain.job_reports import JobReports
from connectors.interface import Malformed
from connectors.protocols.opcua.conditions import QUEUE_OVERFLOWED, Overflowed
from connectors.protocols.opcua.structures import NotReadable, Structures, fields_in
from connectors.protocols.opcua.values import aware

BASE_FIELDS, OWN_FIELDS = ("EventType", "SourceNode", "Time"), ("JobOrder", "JobState", "JobResponse")
# ISA-95 part 4 and part 2
PRODUCED = frozenset({"produced", "material produced"})
MOST_SHOWN, MOST_REMEMBERED = 2000, 1000


class Fault(NamedTuple):
    """What of a report cannot be used, and why not."""

    reason: str
    raw: bytes


class Asking(NamedTuple):
    """How a server is asked for what it has to tell: one call for each state."""

    method: ua.NodeId
    given: tuple[tuple[ua.Variant, ...], ...]
    every: float


@dataclass
class Reports:
    """The order a machine works on, or if ``counting`` what it made of it; watched like PackML's machines."""

    address: str
    structures: Structures
    provider: ua.NodeId
    counting: bool = False
    # Its events come from the server, which tells what all its objects tell
    everybody: bool = False
    event_type: ua.NodeId | None = None
    asking: Asking | None = None
    _jobs: JobReports = field(default_factory=JobReports)
    _unheard: list[datetime] = field(default_factory=list)
    _was_unheard: bool = False
    _heard_at: datetime | None = None
    # Whether all there is was heard: None not yet, True not yet told
    _complete: bool | None = None
    _faults: list[Fault] = field(default_factory=list)
    _seen: set[Fault] = field(default_factory=set)

    # -- hearing -------------------------------------------------------------------------------------------

    def hear(self, part: str, data: ua.DataValue, arrival: int) -> None:
        """The list of responses."""
        at = instant(arrival)
        for said in (data.ServerTimestamp, data.SourceTimestamp):
            at = _time(said) or at
        if data.StatusCode is not None and not data.StatusCode.is_good():
            self.unheard(at)
            return
        self.hear_all(data.Value.Value if data.Value is not None else None, at)

    def hear_all(self, values: Any, at: datetime, *, whole: bool = True) -> None:
        if values is not None and not isinstance(values, list):
            self._fault("not a list of job responses", values)
            self.unheard(at)
            return
        told = [self._response(one) for one in values or ()]
        read = [response for response in told if response is not None]
        if told and not read:
            self.unheard(at)
            return
        whole = whole and len(read) == len(told)
        self._jobs.hear_all(read, at, whole=whole)
        self._heard_at = at
        if whole and self._complete is None:
            self._complete = True

    def hear_event(self, values: list[Any], arrival: int) -> None:
        """Raises Overflowed."""
        event = dict(zip(BASE_FIELDS + OWN_FIELDS, (value.Value for value in values), strict=False))
        if event.get("EventType") == QUEUE_OVERFLOWED:
            raise Overflowed
        own = [event.get(name) for name in OWN_FIELDS]
        if all(value is None for value in own) or (
            self.everybody and event.get("SourceNode") != self.provider
        ):
            return
        at = _time(event.get("Time")) or instant(arrival)
        order, states, response = own
        told = self._response(response) if response is not None else self._from_states(order, states)
        if told is not None:
            self._jobs.hear(told, at)
            self._heard_at = at

    def unheard(self, at: datetime) -> None:
        """What it tells cannot be read, or it tells nothing."""
        if not self._was_unheard:
            self._unheard.append(at)

    def refused(self, why: str, at: datetime) -> None:
        """It does not answer when asked: without events nothing is known; with them a lost one stays lost."""
        self._fault(f"the server does not say what became of orders: {why}", b"")
        if self.event_type is None:
            self.unheard(at)

    def _response(self, value: Any) -> Response | None:
        """None, and a fault, when it is nothing we can use."""
        try:
            fields = self.structures.read(value)
        except NotReadable as error:
            self._fault(str(error), value)
            return None
        response, problems = response_of(fields)
        for problem in problems:
            self._fault(problem, value)
        return response

    def _from_states(self, order: Any, states: Any) -> Response | None:
        """Of an event without its JobResponse."""
        try:
            code = self.structures.read(order).get("JobOrderID")
            read = [self.structures.read(one) for one in states or ()]
        except (NotReadable, TypeError) as error:
            self._fault(f"an event without a JobResponse: {error}", order)
            return None
        response, problems = response_of({"JobOrderID": code, "JobState": read})
        for problem in problems:
            self._fault(problem, states)
        return response

    def _fault(self, reason: str, value: Any) -> None:
        """Once: a list says everything again each time it changes."""
        body = value.Body if isinstance(value, ua.ExtensionObject) else None
        raw = next((one for one in (body, value) if isinstance(one, bytes)), None)
        raw = repr(value).encode("utf-8", "replace") if raw is None else raw
        found = Fault(f"job response: {reason}"[:500], raw[:MOST_SHOWN])
        if found in self._seen:
            return
        if len(self._seen) >= MOST_REMEMBERED:
            self._seen.clear()
        self._seen.add(found)
        self._faults.append(found)

    # -- telling -------------------------------------------------------------------------------------------

    def tell(self, into: Columns, arrival: int) -> None:
        """What changed, at the machine's own times; what was told before is not told again."""
        unheard, at = self._unheard[:1], self._heard_at
        self._unheard.clear()
        self._heard_at = None
        for since in unheard:
            into.add(self.address, None, source_time=micros(since), arrival_time=arrival, quality=2)
            self._was_unheard = True
        if at is None:
            return
        again, self._was_unheard = self._was_unheard, False
        if self.counting:
            self._tell_made(into, arrival)
        else:
            self._tell_work(into, at, arrival, again=again)
        self._jobs.settle()

    def _tell_work(self, into: Columns, at: datetime, arrival: int, *, again: bool) -> None:
        """The server's time tells what was known later from what was known first of one instant."""
        found = self._jobs.at_work()
        if again or self._complete:
            found += self._jobs.standing(at, first=not again)
        if self._complete:
            self._complete = False
        for since, code, uncertain in found:
            into.add(
                self.address,
                code,
                source_time=micros(since),
                server_time=micros(at),
                arrival_time=arrival,
                quality=int(uncertain),
            )

    def _tell_made(self, into: Columns, arrival: int) -> None:
        for code in self._jobs.shared():
            self._fault(
                f"{code} had the machine together with another order: what was made of it is unknown", code
            )
        for at, _, quantity in self._jobs.made():
            number = int(quantity) if quantity == int(quantity) else float(quantity)
            into.add(self.address, number, source_time=micros(at), arrival_time=arrival)

    def faults(self, arrival: int) -> list[Malformed]:
        found, self._faults = self._faults, []
        at = instant(arrival)
        return [Malformed(source=self.address, reason=why, raw=raw, arrival_time=at) for why, raw in found]


def response_of(fields: dict[str, Any]) -> tuple[Response | None, list[str]]:
    """ISA95JobResponseDataType (§6.3.5; version 1 its §6.3.3), and what of it cannot be used.

    The first state is that of the top level (§6.2.6); the others are states within it.
    """
    code, problems = str(fields.get("JobOrderID") or ""), list[str]()
    if not code:
        return None, ["no JobOrderID"]
    state = _state(fields.get("JobState"))
    if not state:
        problems.append(f"{code}: a state that is none of the standard's")
    start, end = _time(fields.get("StartTime")), _time(fields.get("EndTime"))
    if start is not None and end is not None and end < start and state in OVER:
        problems.append(f"{code}: EndTime {end.isoformat()} before StartTime {start.isoformat()}")
        end = None
    made: Decimal | None = None
    try:
        made = _made(fields.get("MaterialActuals"))
    except NotReadable as error:
        problems.append(f"{code}: {error}")
    return Response(code, state, start, end, made), problems


def _state(said: Any) -> str:
    if isinstance(said, int):
        return STATES_1.get(said, "")
    states = said if isinstance(said, list) and said else [{}]
    first = states[0] if isinstance(states[0], dict) else fields_in(states[0])
    text, number = first.get("StateText"), first.get("StateNumber") or 0
    return state_of((text.Text if isinstance(text, ua.LocalizedText) else text) or "", int(number))


def _made(materials: Any) -> Decimal | None:
    """What the materials produced sum up to. Raises NotReadable when they do not."""
    units, quantities = set[str](), list[Decimal]()
    for one in materials or ():
        material = one if isinstance(one, dict) else fields_in(one)
        if str(material.get("MaterialUse") or "").strip().lower() not in PRODUCED or not material.get(
            "Quantity"
        ):
            continue
        try:
            quantity = Decimal(str(material["Quantity"]))
        except InvalidOperation:
            quantity = Decimal("NaN")
        if not quantity.is_finite() or not 0 <= quantity < 2**63:
            raise NotReadable(f"Quantity {str(material['Quantity'])[:40]!r} is none")
        quantities.append(quantity)
        units.add(_unit(material))
    if len(units) > 1:
        raise NotReadable(f"quantities produced in several units: {', '.join(sorted(units))}")
    return sum(quantities, Decimal(0)) if quantities else None


def _unit(material: dict[str, Any]) -> str:
    unit = material.get("EngineeringUnits")
    if isinstance(unit, ua.EUInformation):
        return unit.DisplayName.Text or str(unit.UnitId)
    return str(material.get("UoM") or "")


def _time(value: Any) -> datetime | None:
    return aware(value) if isinstance(value, datetime) and value.year >= 1980 else None
