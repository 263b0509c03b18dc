"""One class an instant; a reason names a stop, and its size decides what it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from production.domain import states
from production.domain.stops import MICRO, REGISTERED, SPEED_LOSS
from production.domain.time_model import CLASSES, Situation, time_class

OWN_STATES = [name for name, base in states.BASE_CLASS.items() if base == states.OWN]
reasons = st.sampled_from(["", "breakdown", "setup", "own_other", "no_material"])


@given(
    st.sampled_from(OWN_STATES), st.sampled_from(["", "17"]), reasons, st.sampled_from([MICRO, SPEED_LOSS])
)
def test_naming_a_short_stop_does_not_change_its_class(
    state: str, fault: str, reason: str, size: str
) -> None:
    told = Situation(state, "produce", fault, "shift", "PO-1", size, reason)
    assert time_class(told) == ("micro_stop" if size == MICRO else "running_slow")


@given(st.sampled_from(OWN_STATES), reasons.filter(bool))
def test_a_registered_stop_is_what_people_say_it_is(state: str, reason: str) -> None:
    assert time_class(Situation(state, "produce", "", "shift", "PO-1", REGISTERED, reason)) == reason


@given(
    st.builds(
        Situation,
        st.sampled_from(list(states.STATES)),
        st.sampled_from(["produce", "setup", "trial", "maintenance"]),
        st.sampled_from(["", "17"]),
        st.sampled_from(["shift", "break", "closed"]),
        st.sampled_from(["", "PO-1"]),
        st.sampled_from(["", MICRO, SPEED_LOSS, REGISTERED]),
        reasons,
    )
)
def test_every_situation_has_a_class(told: Situation) -> None:
    assert time_class(told) in CLASSES
