from __future__ import annotations

import pytest

from tests.chaos.bugs import BUGS
from tests.chaos.checks import CHECKS
from tests.chaos.mutants import mutants_proof


@pytest.mark.django_db(transaction=True)
def test_every_bug_put_in_on_purpose_is_noticed_and_none_is_seen_where_there_is_none() -> None:
    verdict = mutants_proof(seed=1)
    assert verdict.kept, str(verdict)
    bugs = sum(bug.check in CHECKS for bug in BUGS.values())
    assert verdict.counts["caught"] == f"{bugs}/{bugs}"
    assert bugs >= 24
