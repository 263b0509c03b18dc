"""How pieces move: machines at constant rates between events, accumulation buffers between machines.

A fluid model in whole numbers. Between two events every rate is constant, so the next event is a division
away and the pieces in machines and buffers add up exactly. A machine whose input runs low keeps pace just
below the one that feeds it, one whose output fills up just below the one it feeds; it halts (starved,
blocked) only when the buffer is really empty or full, and starts again once there is something to do.
"""

from __future__ import annotations

from collections.abc import Iterator

from mom.demo.machine import Machine

# Shares of a buffer's capacity, in percent.
LOW, LOW_OVER, START_IN = 10, 40, 25
HIGH, HIGH_OVER, START_OUT = 90, 60, 75
FOLLOW = 97

Clock = tuple[int, int, str]


class Flow:
    """Buffers hold segments ``[order, flow]``, oldest first: two orders never mix."""

    def __init__(self, machines: list[Machine], capacities: list[int]) -> None:
        self.machines = machines
        self.capacities = capacities
        self.buffers: list[list[list[int]]] = [[] for _ in capacities]

    def level(self, index: int) -> int:
        return sum(segment[1] for segment in self.buffers[index])

    def available(self, index: int) -> int:
        """What a machine finds of its own order in front of it."""
        buffer = self.buffers[index - 1]
        return buffer[0][1] if buffer and buffer[0][0] == self.machines[index].order else 0

    def upstream_finished(self, index: int) -> bool:
        return index > 0 and self.machines[index - 1].done >= self.machines[index].order

    def set_rates(self) -> None:
        """Rates from what every machine can do now. Following is no circle: a buffer is low or high."""
        rates: list[int | None] = [None] * len(self.machines)
        for index in range(len(self.machines)):
            self.machines[index].rate = self._rate(index, rates)

    def _rate(self, index: int, rates: list[int | None]) -> int:
        known = rates[index]
        if known is not None:
            return known
        machine = self.machines[index]
        rate = machine.speed * machine.pace // 100 if machine.ready else 0
        if rate and machine.slow_in and self.machines[index - 1].order == machine.order:
            rate = self._followed(rate, self._rate(index - 1, rates))
        if rate and machine.slow_out:
            rate = self._followed(rate, self._rate(index + 1, rates))
        rates[index] = rate
        return rate

    @staticmethod
    def _followed(rate: int, neighbour: int) -> int:
        return min(rate, neighbour * FOLLOW // 100) if neighbour else rate

    def inflow(self, index: int) -> int:
        """Rate at which pieces of a machine's own order arrive in front of it."""
        before = self.machines[index - 1]
        return before.rate if before.order == self.machines[index].order and not before.rejecting else 0

    def clocks(self, index: int) -> Iterator[Clock]:
        """Everything that is counting down at a machine: (what is left, how fast it goes, what then)."""
        machine = self.machines[index]
        rate = machine.rate
        if rate:
            yield machine.next_strike - machine.age, machine.hazard, "fault"
            yield machine.order_to - machine.processed, rate, "end"
            yield machine.lot_at - machine.processed, rate, "lot"
            if machine.rejecting:
                yield machine.rejecting, rate, "accept"
            else:
                yield machine.reject_at - machine.processed, rate, "reject"
                yield machine.unit_at - machine.good, rate, "unit"
        if index > 0 and machine.order >= 0:
            yield from self._input_clocks(index, machine)
        if index < len(self.capacities):
            yield from self._output_clocks(index, machine)

    def _input_clocks(self, index: int, machine: Machine) -> Iterator[Clock]:
        inflow = self.inflow(index)
        here = self.available(index)
        capacity = self.capacities[index - 1]
        drain = machine.rate - inflow
        if machine.rate and drain > 0:
            yield here, drain, "empty"
            if not machine.slow_in and inflow:
                yield here - capacity * LOW // 100, drain, "low"
        elif machine.slow_in and drain < 0:
            yield capacity * LOW_OVER // 100 - here, -drain, "low over"
        if machine.starved:
            if self.upstream_finished(index):
                yield 0, 1, "fed"
            elif inflow or here >= capacity * START_IN // 100:
                yield capacity * START_IN // 100 - here, max(inflow, 1), "fed"

    def _output_clocks(self, index: int, machine: Machine) -> Iterator[Clock]:
        level = self.level(index)
        capacity = self.capacities[index]
        after = self.machines[index + 1].rate
        growth = (0 if machine.rejecting else machine.rate) - after
        if machine.rate and growth > 0:
            yield capacity - level, growth, "full"
            if not machine.slow_out and after:
                yield capacity * HIGH // 100 - level, growth, "high"
        elif machine.slow_out and growth < 0:
            yield level - capacity * HIGH_OVER // 100, -growth, "high over"
        if machine.blocked and (after or level <= capacity * START_OUT // 100):
            yield level - capacity * START_OUT // 100, max(after, 1), "freed"

    def due(self) -> tuple[tuple[int, str] | None, int]:
        """The first machine with a count-down that ends within this millisecond, and 0; where there is none,
        the milliseconds until the first one ends.
        """
        nearest = 1 << 62
        for index in range(len(self.machines)):
            for left, speed, what in self.clocks(index):
                wait = left // speed
                if wait < 1:
                    return (index, what), 0
                if wait < nearest:
                    nearest = wait
        return None, nearest

    def run(self, milliseconds: int) -> None:
        for index, machine in enumerate(self.machines):
            if machine.rate:
                machine.age += machine.hazard * milliseconds
                self.move(index, machine.rate * milliseconds)

    def move(self, index: int, amount: int) -> None:
        """Pass an amount of flow through one machine: to what follows, or to the reject bin."""
        machine = self.machines[index]
        machine.processed += amount
        if index > 0 and amount:
            self.buffers[index - 1][0][1] -= amount
        if machine.rejecting:
            machine.scrapped += amount
            machine.rejecting -= amount
        elif index < len(self.buffers):
            buffer = self.buffers[index]
            if buffer and buffer[-1][0] == machine.order:
                buffer[-1][1] += amount
            else:
                buffer.append([machine.order, amount])

    def discard_empty(self, index: int) -> None:
        """Forget the finished segment in front of a machine that has left its order."""
        buffer = self.buffers[index - 1]
        if index > 0 and buffer and buffer[0][1] == 0 and buffer[0][0] <= self.machines[index].done:
            buffer.pop(0)
