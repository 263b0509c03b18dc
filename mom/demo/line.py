"""One simulated line: an agenda of dated things to do, count-downs of the flow, whichever comes first."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from mom.demo import materials, orders, people, shown, stops
from mom.demo.dice import Dice
from mom.demo.events import Event, Happening, Reading, Truth, Value
from mom.demo.flow import Flow
from mom.demo.machine import NEVER, PIECE, Machine, machine_dump, machine_load
from mom.demo.orders import Order
from mom.demo.spec import LineSpec, MachineSpec

Item = tuple[int, int, str, list[Any]]

# The words of the agenda. "tick" only looks; everything else may change what machines do.
HANDLERS: dict[str, Callable[..., None]] = {
    "staffing": stops.staffing_change,
    "resume": stops.resume,
    "phase": stops.phase_next,
    "acknowledge": stops.alarm_acknowledge,
    "setup": orders.setup_next,
    "slow": stops.slow_begin,
    "pace": stops.slow_end,
    "supplied": materials.shortage_end,
    "erp": orders.erp_run,
    "swap": people.sequence_change,
    "change": people.order_change,
    "code": people.stop_code,
    "check": people.check_do,
    "drift": people.drift_begin,
    "settled": people.drift_end,
    "request": people.request_step,
    "reset": shown.counter_reset,
    "stop": stops.stop_by_hand,
}


class Line:
    """Advances from event to event; stopping between two events and going on later changes nothing."""

    def __init__(self, spec: LineSpec, seed: str, start: int) -> None:
        self.spec = spec
        self.dice = Dice(f"{seed}/{spec.code}")
        self.now = self.ahead = start
        self.agenda: list[Item] = []
        self.filed = 0
        self.numbers: dict[str, int] = {}
        self.out: list[Event] = []
        self.machines = [Machine(code=machine.code, since=start) for machine in spec.machines]
        self.flow = Flow(self.machines, [capacity * PIECE for capacity in spec.capacities])
        self.orders: list[Order] = []
        self.sequence: list[int] = []
        self.started: list[int] = []
        self.planned_to = start
        self.campaign: list[Any] = ["", 0]
        self.halt = "closed"
        self.shift = ""
        self._begin(start)

    def _begin(self, start: int) -> None:
        orders.erp_run(self, start)
        stops.staffing_change(self, start, first=True)
        for index in range(len(self.machines)):
            stops.machine_begin(self, index, start)
            self.file(start + 1000 + 7_000 * index, "tick", index)
        people.begin(self, start)
        self._settle(start)
        self._show(start)

    def machine_spec(self, index: int) -> MachineSpec:
        return self.spec.machines[index]

    def file(self, at: int, what: str, *data: Any) -> None:
        """Put something on the agenda."""
        self.filed += 1
        heapq.heappush(self.agenda, (at, self.filed, what, list(data)))

    def number(self, kind: str) -> str:
        """The next id of a kind on this line; a restart goes on counting."""
        count = self.numbers[kind] = self.numbers.get(kind, 0) + 1
        return f"{self.spec.code}-{kind}-{count}"

    def read(self, at: int, unit: str, role: str, value: Value, key: str = "") -> None:
        self.out.append(Reading(at, unit, role, key, value))

    def happen(self, at: int, kind: str, **data: Any) -> str:
        identity = self.number(kind)
        self.out.append(Happening(at, kind, identity, data))
        return identity

    def ledger(self, at: int, kind: str, **data: Any) -> None:
        self.out.append(Truth(at, kind, self.number(f"ledger-{kind}"), data))

    def next_at(self) -> int:
        return min(self.ahead, self.agenda[0][0])

    def advance(self, until: int) -> list[Event]:
        """Everything up to and including ``until``, in order of time."""
        at = self.next_at()
        while at <= until:
            self._step(at)
            at = self.next_at()
        events, self.out = self.out, []
        return events

    def _step(self, at: int) -> None:
        ticks = []
        moved = False
        while self.agenda and self.agenda[0][0] == at:
            _, _, what, data = heapq.heappop(self.agenda)
            if what == "tick":
                ticks.append(data[0])
                continue
            self._reach(at)
            moved = True
            HANDLERS[what](self, at, *data)
        if moved or not ticks or at >= self.ahead:
            self._reach(at)
            self._settle(at)
            self._show(at)
        for index in ticks:
            shown.tick(self, index, at)

    def _reach(self, at: int) -> None:
        if at > self.now:
            self.flow.run(at - self.now)
            self.now = at

    def _settle(self, at: int) -> None:
        """Let everything that is due happen, then fix the rates until the next event."""
        for _ in range(10_000):
            orders.orders_move(self, at)
            for machine in self.machines:
                machine.ready = not (
                    self.halt or machine.fault >= 0 or machine.setup or machine.shortage
                    or machine.order < 0 or machine.starved or machine.blocked
                )  # fmt: skip
            self.flow.set_rates()
            due, wait = self.flow.due()
            if due is None:
                self.ahead = min(NEVER, at + wait)
                return
            stops.clock_ended(self, at, *due)
        raise RuntimeError(f"{self.spec.code} does not settle at {at}")

    def _show(self, at: int) -> None:
        for index in range(len(self.machines)):
            shown.show(self, index, at)

    def skip(self, since: int, to: int) -> None:
        """The plant stood still, unwatched, between two times: what was pending comes that much later."""
        self._reach(since)
        for index in range(len(self.machines)):
            shown.interval_close(self, index, since)
        later = to - since
        self.agenda = [(at + later, n, what, data) for at, n, what, data in self.agenda if what != "staffing"]
        heapq.heapify(self.agenda)
        self.now = to
        for machine in self.machines:
            # What nobody watched is nobody's stop: one that is still going on begins anew.
            machine.since = machine.stop_from = to
            machine.shown.clear()
        stops.staffing_change(self, to, first=True)
        self._settle(to)
        self._show(to)

    def dump(self) -> dict[str, Any]:
        """Everything needed to go on, as plain JSON data."""
        return {
            "now": self.now, "agenda": sorted(self.agenda), "filed": self.filed, "numbers": self.numbers,
            "drawn": self.dice.drawn, "machines": [machine_dump(machine) for machine in self.machines],
            "buffers": self.flow.buffers, "orders": [vars(order) for order in self.orders],
            "sequence": self.sequence, "started": self.started, "planned_to": self.planned_to,
            "campaign": self.campaign, "halt": self.halt, "shift": self.shift,
        }  # fmt: skip

    @classmethod
    def load(cls, spec: LineSpec, seed: str, data: dict[str, Any]) -> Line:
        line = cls.__new__(cls)
        line.spec = spec
        line.dice = Dice(f"{seed}/{spec.code}", data["drawn"])
        line.out = []
        line.agenda = [(at, number, what, rest) for at, number, what, rest in data["agenda"]]
        line.machines = [machine_load(machine) for machine in data["machines"]]
        line.flow = Flow(line.machines, [capacity * PIECE for capacity in spec.capacities])
        line.flow.buffers = data["buffers"]
        line.orders = [Order(**order) for order in data["orders"]]
        for name in (
            "now",
            "filed",
            "numbers",
            "sequence",
            "started",
            "planned_to",
            "campaign",
            "halt",
            "shift",
        ):
            setattr(line, name, data[name])
        line.flow.set_rates()
        line.ahead = min(NEVER, line.now + line.flow.due()[1])
        return line
