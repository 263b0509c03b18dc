"""Machines side by side, known everywhere: the line's figures, day, hours and losses speak of one time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plant.models import Equipment, EquipmentLink, ParallelGroup
from production import selectors, services
from production.domain.account import Account, Segment
from production.domain.lateness import Lateness, late_by
from production.domain.line.losses import LOST
from production.domain.line.pacing import group_account, machine_of
from production.domain.line.topology import GroupRow
from production.domain.line.tracks import group_parts, parts_of
from production.models import ContributionRate, CostRate, JobOrder
from tests.factories.connectors import connection_make
from tests.factories.plant import Line, calendar_make, line_make, material_make
from tests.factories.production import PACKML, PLANNER, STATES, at, order_make, rate_make, sender_make

HOURS = 2 * 3600
Story = Sequence[tuple[float, str]]
NUMBER = {name: int(number) for name, number in STATES.items()}
DOWN: Story = [(600, "aborted"), (1200, "execute")]


def line_beside(first: Story, second: Story, *, minimum: int = 1, due: float | None = None) -> Line:
    """A feeder, two machines side by side that pace the line at 1800/h each, and a last one; one order."""
    line = line_make(4)
    group = ParallelGroup.objects.create(code=f"{line.line.code}-G", line=line.line, minimum_running=minimum)
    Equipment.objects.filter(pk__in=[unit.pk for unit in line.units[1:3]]).update(parallel_group=group)
    EquipmentLink.objects.filter(upstream__parent=line.line).delete()
    for upstream, downstream in ((0, 1), (0, 2), (1, 3), (2, 3)):
        EquipmentLink.objects.create(upstream=line.units[upstream], downstream=line.units[downstream])
    shared = connection_make(line.site, state_map={**PACKML, "51": "starved", "52": "blocked"})
    stories: list[Story] = [[], first, second, []]
    senders = []
    for number, (unit, story) in enumerate(zip(line.units, stories, strict=True)):
        unit.is_constraint = number == 1
        unit.stale_after = timedelta(days=1)
        unit.save(update_fields=["is_constraint", "stale_after"])
        rate_make(unit, 1800 if number in (1, 2) else 4000)
        sender = sender_make(unit, roles=("state", "good_count"), connection=shared)
        half = 2 if number in (1, 2) else 1
        sender.say([(0, "state", 6), *((s, "state", NUMBER[name]) for s, name in story)])
        sender.say([(s, "good_count", s // half) for s in range(0, HOURS, 60)])
        senders.append(sender)
    senders[0].say([], watermark=HOURS)
    product = material_make()
    ContributionRate.objects.create(product=product, per_unit=Decimal("0.5"), valid_from=at(-90_000))
    CostRate.objects.create(equipment=line.line, per_hour=180, valid_from=at(-90_000), source="budget")
    order = order_make(line, product=product, quantity=7000)
    if due is not None:
        JobOrder.objects.filter(pk=order.pk).update(due_time=at(due))
    services.job_order_start(job_order_id=order.pk, at=at(0), by=PLANNER)
    for sender in senders:
        sender.stitch()
    return line


def lost_of(account: Account) -> timedelta:
    return sum((s.duration for s in account.segments if s.time_class in LOST), timedelta())


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("first", "second", "minimum", "expected"),
    [
        (DOWN, [], 1, 0),
        (DOWN, [], 2, 600),
        (DOWN, [(900, "held"), (1500, "execute")], 1, 300),
        (DOWN, [(900, "held"), (1500, "execute")], 2, 900),
        (DOWN, DOWN, 1, 600),
    ],
)
def test_every_page_of_a_line_speaks_of_the_same_lost_time(
    first: Story, second: Story, minimum: int, expected: float
) -> None:
    line = line_beside(first, second, minimum=minimum)
    [shift] = calendar_make(line.line, shifts=1)
    window = {"start": at(0), "end": at(HOURS)}
    found = selectors.kpi(equipment_id=line.line.pk, **window)
    losses = selectors.line_losses(line_id=line.line.pk, **window)
    account = selectors.account(equipment_id=line.line.pk, **window)
    assert found is not None
    assert losses is not None
    assert account is not None
    assert (
        {unit.code for unit in found.members}
        == {unit.code for unit in line.units[1:3]}
        == {unit.code for unit in losses.members}
    )
    seconds = timedelta(seconds=expected)
    assert lost_of(found.account) == lost_of(account) == losses.losses.lost == seconds
    assert found.account.unexplained == timedelta()
    assert {part.per_hour for part in found.made} == {3600}, "what both can make together"
    assert found.oee.total == sum(part.total or 0 for part in found.made) == 2 * 3570
    day = selectors.line_shift(line_id=line.line.pk, shift=shift)
    assert day is not None
    assert day.missing.difference == 0
    stood = [cause.duration for cause in day.missing.causes if cause.duration and cause.count]
    assert sum(stood, timedelta()) == seconds
    hours = selectors.shift_hours(line_id=line.line.pk, shift=shift, now=at(HOURS))
    assert hours is not None
    told = {segment for hour in hours.hours for segment in hour.segments if segment.time_class in LOST}
    assert sum((segment.duration for segment in told), timedelta()) == seconds
    assert hours.kpi.account == day.kpi.account


@pytest.mark.django_db
def test_a_stop_costs_its_line_what_the_line_felt_of_it_and_nothing_else() -> None:
    line = line_beside(DOWN, [(900, "held"), (1500, "execute")], due=3600)
    felt, absorbed = (
        selectors.stop_cost(unit=line.units[number], line_id=line.line.pk, start=at(start), end=at(end))
        for number, start, end in ((2, 900, 1500), (1, 600, 1200))
    )
    assert felt is not None
    assert absorbed is not None
    assert (felt.duration, felt.pieces, felt.money) == (timedelta(seconds=300), 300, 150)
    assert (felt.cost, felt.currency) == (15, "EUR")
    assert felt.late == timedelta(seconds=300), "the order is due after an hour and takes two"
    assert (absorbed.duration, absorbed.pieces, absorbed.money, absorbed.late) == (timedelta(), 0, 0, None)


@pytest.mark.django_db
def test_what_nobody_said_is_not_known() -> None:
    line = line_beside(DOWN, DOWN)
    ContributionRate.objects.all().delete()
    CostRate.objects.all().delete()
    JobOrder.objects.update(due_time=None)
    found = selectors.line_losses(line_id=line.line.pk, start=at(0), end=at(HOURS))
    assert found is not None
    assert found.currency == ""
    assert {(row.money, row.cost, row.late) for row in found.losses.rows} == {(None, None, None)}


EDGES = st.lists(st.integers(0, 600), min_size=0, max_size=6, unique=True).map(sorted)
CLASSES = ("running", "breakdown", "starved", "setup", "no_load", "unknown")
STATE = {"running": "execute", "unknown": "unknown", "starved": "starved"}


@st.composite
def accounts(draw: st.DrawFn) -> Account:
    edges = [0, *[edge for edge in draw(EDGES) if 0 < edge < 600], 600]
    segments = []
    for start, end in pairwise(edges):
        name = draw(st.sampled_from(CLASSES))
        stop = None if name in ("running", "unknown") else at(start)
        segments.append(
            Segment(at(start), at(end), name, STATE.get(name, "aborted"), order_code="A", stop_start=stop)
        )
    return Account(at(0), at(600), tuple(segments))


@settings(max_examples=150, deadline=None)
@given(st.lists(accounts(), min_size=1, max_size=4), st.integers(1, 4))
def test_a_group_s_account_closes_and_is_the_walk_s_own_reading(made: list[Account], minimum: int) -> None:
    members = {f"M{number}": account for number, account in enumerate(made)}
    group = GroupRow("G", tuple(members), min(minimum, len(made)))
    told = group_account(group, members)
    assert told is not None
    assert told.unexplained == timedelta()
    assert (told.start, told.end) == (at(0), at(600))
    walked = group_parts(group, [parts_of(code, account.segments) for code, account in members.items()])
    for part in walked:
        middle = part.start + (part.end - part.start) / 2
        segment = next(s for s in told.segments if s.start <= middle < s.end)
        if part.segment is not None:
            assert (segment.time_class, machine_of(segment, "")) == (part.segment.time_class, part.machine)
        else:
            assert segment.time_class in ("running", "unknown")
    running = [
        sum(account_runs(account, at(second)) for account in made) >= group.minimum for second in range(600)
    ]
    ran = sum((s.duration for s in told.segments if s.time_class == "running"), timedelta())
    assert ran == timedelta(seconds=sum(running))


def account_runs(account: Account, moment: object) -> bool:
    return any(s.time_class == "running" and s.start <= moment < s.end for s in account.segments)  # type: ignore[operator]


LATE = st.one_of(st.none(), st.integers(-3600, 3600))


@given(
    st.dictionaries(st.sampled_from("ABC"), LATE),
    st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 3000))),
)
def test_without_a_loss_an_order_is_at_most_as_much_less_late_as_it_is_late(
    ends: dict[str, int | None], lost: list[tuple[str, int]]
) -> None:
    orders = {
        code: Lateness(code, at(0), None if end is None else at(end), True) for code, end in ends.items()
    }
    times = [(code, timedelta(seconds=seconds)) for code, seconds in lost]
    found = late_by(times, orders)
    known = {code for code, _ in times} & set(orders)
    if any(orders[code].late is None for code in known) or not known:
        assert found is None
    else:
        most = sum((orders[code].late or timedelta() for code in known), timedelta())
        assert timedelta() <= (found or timedelta()) <= min(most, sum((t for _, t in times), timedelta()))
