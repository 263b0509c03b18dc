"""What is not there, said in the plant's words and with the code that was asked for."""

from __future__ import annotations

import re
from collections.abc import Mapping

FRAMEWORK = re.compile(r"(?:No )?(\w+) (?:matches the given query|matching query does not exist)\.")
WORDS = re.compile(r"(?<=[a-z])(?=[A-Z])")


def missing_said(text: str, asked: Mapping[str, object]) -> str:
    """``text`` as it is, unless it is the framework's own; ``asked`` are the parts of the address."""
    found = FRAMEWORK.fullmatch(text)
    if found is None:
        return text
    noun = WORDS.sub(" ", found[1]).lower()
    if text.startswith("No ") and asked:
        return f"no {noun} {' '.join(str(part) for part in asked.values())}"
    return f"no such {noun}"
