"""What is not there is named as the plant names it."""

from __future__ import annotations

import pytest

from plant.domain.missing import missing_said


@pytest.mark.parametrize(
    ("text", "asked", "said"),
    [
        ("No JobOrder matches the given query.", {"code": "OF-1"}, "no job order OF-1"),
        ("Equipment matching query does not exist.", {"code": "X"}, "no such equipment"),
        ("no equipment X", {"code": "Y"}, "no equipment X"),
        ("", {}, ""),
    ],
)
def test_the_framework_s_words_become_the_plant_s(text: str, asked: dict[str, object], said: str) -> None:
    assert missing_said(text, asked) == said
