"""What each short form took: told at the end of every test run that had one."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Any

FORM = re.compile(r"tests/chaos/test_(proofs|mutants|opcua|replay|sparkplug)\.py::[^\[]+(?:\[(.+)\])?$")


def lines(stats: dict[str, list[Any]]) -> list[str]:
    """Of the reports of a run, set-up and all; none when it had no short form."""
    took: defaultdict[str, float] = defaultdict(float)
    for report in (report for some in stats.values() for report in some):
        if found := FORM.match(getattr(report, "nodeid", "")):
            took[found[2] or found[1]] += getattr(report, "duration", 0.0)
    told = [f"{name:<12} {seconds:6.1f} s" for name, seconds in sorted(took.items())]
    return [*told, f"{'together':<12} {sum(took.values()):6.1f} s"] if told else []
