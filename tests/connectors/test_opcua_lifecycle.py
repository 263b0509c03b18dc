"""Cuts, refusals and forgetful servers in any order: what is not received is known to be missing."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from connectors.protocols.opcua.lifecycle import LAST_NUMBER, REPUBLISH_MOST, Lifecycle, Step

START = datetime(2026, 3, 2, tzinfo=UTC)
SECOND = timedelta(seconds=1)
KEPT = 4


@dataclass
class Server:
    """One subscription: what waits to be published, what was published and is not acknowledged.

    Values are the instants they were written at. ``empty_answers``: nothing instead of a refusal.
    """

    now: datetime = START
    waiting: list[datetime] = field(default_factory=list)
    published: dict[int, tuple[datetime, list[datetime]]] = field(default_factory=dict)
    number: int = 1
    session: bool = False
    subscription: bool = False
    transfers: bool = True

    def write(self) -> None:
        self.now += SECOND
        if self.subscription:
            self.waiting.append(self.now)

    def publish(self) -> tuple[int, datetime, list[datetime]]:
        """A keep-alive when nothing waits."""
        self.now += SECOND
        data, self.waiting = self.waiting, []
        number = self.number
        if data:
            self.published[number] = (self.now, data)
            while len(self.published) > KEPT:
                del self.published[next(iter(self.published))]
            self.number = 1 if number == LAST_NUMBER else number + 1
        return number, self.now, data

    def drop(self) -> None:
        self.subscription, self.waiting, self.published = False, [], {}


class Cuts(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.server, self.life = Server(), Lifecycle()
        self.written: list[datetime] = []
        self.received: list[datetime] = []
        self.missing: list[tuple[datetime, datetime]] = []
        self.lost_from: datetime | None = START
        self.connected = False

    # -- the server and the network --------------------------------------------------------------------------

    @rule(times=st.integers(1, 3))
    def write(self, times: int) -> None:
        for _ in range(times):
            self.server.write()
            self.written.append(self.server.now)

    @precondition(lambda self: self.connected)
    @rule(arrives=st.booleans())
    def publish(self, arrives: bool) -> None:
        """One that does not arrive is lost with its channel, or overtaken by the next."""
        number, at, data = self.server.publish()
        if not arrives:
            return
        heard = self.life.notified(number, at, data=bool(data), available=set(self.server.published))
        if heard.new:
            self.received += data
        lost = heard.lost
        for skipped in heard.ask:
            again = self.server.published.get(skipped)
            lost |= again is None
            if again:
                self.life.recovered(skipped)
                self.received += again[1]
        if lost:
            assert heard.since is not None
            self.missing.append((heard.since, at))

    @precondition(lambda self: self.server.published)
    @rule()
    def acknowledge(self) -> None:
        """Only what was received and stored."""
        for number, (_, data) in list(self.server.published.items()):
            if set(data) <= set(self.received):
                del self.server.published[number]

    @precondition(lambda self: self.connected)
    @rule(stale=st.booleans())
    def cut(self, stale: bool) -> None:
        self.connected = False
        if self.life.lost(stale=stale) is Step.OPEN:
            self._give_up()

    @rule()
    def session_expires(self) -> None:
        self.server.session = False

    @rule()
    def subscription_expires(self) -> None:
        self.server.drop()
        if self.connected:
            self.life.forgotten()
            self.connected = False
            self._give_up()

    @rule(allowed=st.booleans())
    def transfers(self, allowed: bool) -> None:
        self.server.transfers = allowed

    @precondition(lambda self: self.life.expected == self.server.number < 100 and not self.server.published)
    @rule()
    def numbers_wrap(self) -> None:
        self.server.number = self.life.expected = LAST_NUMBER - 1

    # -- what the connector does -----------------------------------------------------------------------------

    @precondition(lambda self: not self.connected)
    @rule(cut_at=st.none() | st.integers(0, 3))
    def connect(self, cut_at: int | None) -> None:
        """As a connector goes through the steps; cut again after so many of them."""
        for done in range(100):
            if cut_at == done:
                if self.life.lost(stale=False) is Step.OPEN:
                    self._give_up()
                return
            step = self.life.step
            if step is Step.REACTIVATE:
                self.life.reactivated(self.server.session)
                if self.server.session and not self.server.subscription:
                    self._forgotten()
            elif step is Step.TRANSFER:
                self.server.session = True
                accepted = self.server.transfers and self.server.subscription
                self.life.transferred(set(self.server.published) if accepted else None)
                if not accepted:
                    self._give_up()
            elif step is Step.REPUBLISH:
                self._republish()
            elif step is Step.OPEN:
                self._open()
            elif step is Step.VERIFY:
                self.life.verified()
            else:
                self.connected = True
                return
        raise AssertionError("never connected")

    def _republish(self) -> None:
        number = self.life.wanted()
        if number is None:
            return
        again = self.server.published.get(number)
        self.life.republished(again and again[0])
        if again:
            self.received += again[1]

    def _forgotten(self) -> None:
        self.life.forgotten()
        self._give_up()

    def _open(self) -> None:
        self.server.drop()
        self.server.session = self.server.subscription = True
        self.server.number = 1
        self.server.now += SECOND
        self.life.opened(self.server.now)
        assert self.lost_from is not None
        self.missing.append((self.lost_from, self.server.now))
        self.lost_from = None

    def _give_up(self) -> None:
        if self.lost_from is None:
            assert self.life.covered is not None
            self.lost_from = self.life.covered

    # -- what must hold --------------------------------------------------------------------------------------

    @invariant()
    def nothing_came_twice(self) -> None:
        assert len(self.received) == len(set(self.received))

    @invariant()
    def what_was_published_in_order_so_far_came_or_is_missing(self) -> None:
        covered = self.lost_from or self.life.covered
        if covered is None:
            return
        came = set(self.received)
        for value in self.written:
            declared = any(start <= value <= end for start, end in self.missing)
            assert value > covered or value in came or declared

    def teardown(self) -> None:
        """Once all is quiet, every value came or is missing."""
        if not self.connected:
            self.connect(None)
        self.publish(True)
        self.what_was_published_in_order_so_far_came_or_is_missing()
        assert self.life.covered == self.server.now


Cuts.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestCuts = Cuts.TestCase


def test_a_server_that_answers_for_ever_is_asked_so_often_and_no_more() -> None:
    life = Lifecycle()
    life.opened(START)
    life.lost(stale=False)
    life.reactivated(True)
    asked = 0
    while life.wanted() is not None:
        life.republished(START)
        asked += 1
    assert (asked, life.step) == (REPUBLISH_MOST, Step.VERIFY)


def test_a_transferred_subscription_is_asked_only_for_what_it_has() -> None:
    life = Lifecycle()
    life.opened(START)
    life.notified(1, START, data=True, available=[1])
    life.lost(stale=False)
    life.reactivated(False)
    life.transferred([1, 2, 3])
    asked = []
    while (number := life.wanted()) is not None:
        asked.append(number)
        life.republished(START)
    assert asked == [2, 3]


def test_one_that_is_silent_after_it_was_resumed_is_not_resumed_again() -> None:
    life = Lifecycle()
    life.opened(START)
    life.notified(1, START, data=True, available=[1])
    assert life.lost(stale=True) is Step.REACTIVATE
    life.reactivated(True)
    assert life.lost(stale=False) is Step.REACTIVATE
    life.reactivated(True)
    assert life.lost(stale=True) is Step.OPEN


@pytest.mark.parametrize("number", [2, LAST_NUMBER - 5])
def test_a_number_far_behind_is_a_repetition_and_no_skip(number: int) -> None:
    life = Lifecycle()
    life.opened(START)
    life.notified(number + 3, START, data=True, available=[])
    heard = life.notified(number, START, data=True, available=[])
    assert (heard.lost, heard.ask) == (False, ())
