"""The short form of the proof, and that the proof itself can fail."""

from __future__ import annotations

from tests.chaos.sparkplug import sparkplug_proof


def test_random_histories_of_an_edge_end_as_the_model_says() -> None:
    verdict = sparkplug_proof(seed=1, histories=400)
    assert verdict.kept, str(verdict)
    assert verdict.counts["controls"] == "7/7"
