from __future__ import annotations

import pytest

from plant import selectors
from tests.factories import plant as make

pytestmark = pytest.mark.django_db


def test_a_line_of_the_factory_reads_back_through_the_selectors() -> None:
    made = make.line_make(4)
    make.calendar_make(made.line, shifts=3)
    assert selectors.line_work_units(made.line.pk) == made.units
    assert selectors.line_of(made.units[3]) == made.line
    assert selectors.line_constraint(made.line.pk) == made.unit
    assert str(selectors.site_zone(made.unit)) == "Europe/Paris"
    shift = selectors.shift_at(line_id=made.line.pk, at=make.SHIFT_START)
    assert shift is not None
    assert shift.code == "M"
    assert make.actor_make("operator", made.line).may("stop.code", made.unit)
