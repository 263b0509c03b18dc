"""The short form of the proof, and that the proof itself can fail."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.chaos.__main__ import proofs
from tests.chaos.replay import replay_proof


@pytest.mark.django_db
def test_the_same_facts_in_any_order_and_batches_give_the_same_record() -> None:
    verdict = replay_proof(seed=1, replays=3, hours=1.0)
    assert verdict.kept, str(verdict)
    assert verdict.counts["digests"] == 1
    assert verdict.counts["controls"] == "3/3"


def test_proofs_are_listed_by_name_with_what_they_promise() -> None:
    listed = subprocess.run([sys.executable, "-m", "tests.chaos"], capture_output=True, text=True, check=True)
    assert listed.stdout.splitlines() == [f"{name:<12} {said}" for name, said in proofs().items()]
    assert "replay " in listed.stdout


def test_an_unknown_proof_is_refused() -> None:
    asked = subprocess.run([sys.executable, "-m", "tests.chaos", "nothing"], capture_output=True, check=False)
    assert asked.returncode == 2
