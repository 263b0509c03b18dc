"""The short form of the proof, with every control."""

from __future__ import annotations

from tests.chaos.opcua import opcua_proof
from tests.chaos.opcua_followers import CONTROLS


def test_every_value_is_received_or_inside_a_declared_gap_after_cuts_of_every_kind() -> None:
    verdict = opcua_proof(seed=1, cuts=8, restarts=1, tags=8, hz=10.0, longest=2.0, controls=len(CONTROLS))
    assert verdict.kept, str(verdict)
    assert verdict.counts["controls"] == f"{len(CONTROLS)}/{len(CONTROLS)}"
