"""Worked examples that others published come out digit by digit, in the domain and by REST.

Sources: see ``examples.py``, each example names its own.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from production.domain.bridge import bridge
from production.domain.oee import oee, trs
from tests.factories.plant import site_make, slot_make
from tests.oracles.examples import EXAMPLES, MACHINES, TOGETHER, VORNE, Example, at
from tests.oracles.in_domain import folded
from tests.oracles.rest_plant import RestLine, amount, rest_line_make

BY_NAME = pytest.mark.parametrize("example", [*EXAMPLES, *MACHINES], ids=lambda example: example.name)


@BY_NAME
def test_in_the_domain(example: Example) -> None:
    did = folded(example.told(), example.order.end or example.slots[-1].end)
    account = did.account(example.interval, example.slots, [example.order])
    times, made = account.durations, [did.output(example.per_hour)]
    assert {name: time.total_seconds() for name, time in times.items()} == dict(example.seconds)
    figures = {"iso_22400_2": oee(times, made), "nf_e60_182": trs(times, made)}
    for (standard, name), published in example.published.items():
        assert example.shown(standard, name, getattr(figures[standard], name)) == published, name
    for standard in ("ISO 22400-2", "NF E60-182"):
        assert bridge(standard, times, made).difference == 0


@pytest.mark.django_db
@BY_NAME
def test_by_rest(example: Example) -> None:
    line = told_by_rest(example)
    assert example.interval.end is not None
    found = line.kpi(example.interval.start, example.interval.end)
    assert {name: amount(value) for name, value in found["account"]["seconds"].items()} == example.seconds
    counted = tuple(amount(found["iso_22400_2"][name]) for name in ("good", "total"))
    assert counted == (example.total - example.rejects, example.total)
    for (standard, name), published in example.published.items():
        assert example.shown(standard, name, amount(found[standard][name])) == published, name


@pytest.mark.django_db
def test_what_lies_between_planned_time_and_the_figure_everyone_knows() -> None:
    """Vorne's shift again: 420 min planned, 47 min down, 51 min 49 s too slow, 423 pieces rejected."""
    losses = {"break": 3600, "breakdown": 2820, "speed": 3109, "quality": 423}
    did = folded(VORNE.told(), at(480))
    times = did.account(VORNE.interval, VORNE.slots, [VORNE.order]).durations
    found = bridge("ISO 22400-2", times, [did.output(VORNE.per_hour)])
    assert {loss.kind: loss.seconds for level in found.levels for loss in level.losses} == losses
    told = told_by_rest(VORNE).kpi(at(0), at(480))
    [by_iso] = [one for one in told["bridges"] if one["standard"] == "ISO 22400-2"]
    assert {
        kind: amount(value) for level in by_iso["levels"] for kind, value in level["losses"].items()
    } == losses
    assert [amount(level["seconds"]) for level in by_iso["levels"]] == [
        28800,
        28800,
        25200,
        22380,
        19271,
        18848,
    ]


def told_by_rest(example: Example, line: RestLine | None = None) -> RestLine:
    window, work = example.interval, example.order
    line = line or rest_line_make(window.start, per_hour=example.per_hour, site=site_make(time_zone="UTC"))
    for slot in example.slots:
        slot_make(line.line.line, slot.start, slot.end, kind=slot.kind, code=slot.code)
    line.order(work.start, work.end)
    line.send(example.told(), watermark=window.end)
    return line


def test_machines_together_are_the_ratio_of_sums_in_the_domain() -> None:
    times: dict[str, timedelta] = {}
    made = []
    for example in MACHINES:
        did = folded(example.told(), example.slots[-1].end)
        for name, time in did.account(example.interval, example.slots, [example.order]).durations.items():
            times[name] = times.get(name, timedelta()) + time
        made.append(did.output(example.per_hour))
    figures = oee(times, made)
    for name, published in TOGETHER.items():
        assert str(round(100 * getattr(figures, name), 2)) == published


@pytest.mark.django_db
def test_lines_of_a_site_together_are_the_ratio_of_sums_by_rest() -> None:
    site = site_make(time_zone="UTC")
    window = MACHINES[0].interval
    assert window.end is not None
    for example in MACHINES:
        line = rest_line_make(window.start, per_hour=example.per_hour, site=site)
        told_by_rest(example, line)
    found = line.about("effectiveness", window.start, window.end, site.code)
    assert len(found["lines"]) == 3
    for name, published in TOGETHER.items():
        assert str(round(100 * Decimal(str(found["iso_22400_2"][name])), 2)) == published
