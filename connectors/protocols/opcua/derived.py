"""Addresses of what no single node holds: conditions, the state of nested machines, the order at work, what
is made of it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Between an address and the part of it a node of its own holds; in no address
PART = "\x1f"
CONDITION, PACKML, JOBS, PRODUCED = "condition", "packml", "jobs", "produced"
_ADDRESS = re.compile(
    r"(?:condition=(?P<name>.+?)|(?P<kind>packml|jobs|produced));(?P<node>(?:nsu=.*;)?[isgb]=.+)", re.DOTALL
)


class Derived(NamedTuple):
    """``node`` is the address of the source or the object; ``name`` of the condition."""

    kind: str
    node: str
    name: str


def derived(address: str) -> Derived | None:
    """None for the address of a node."""
    found = _ADDRESS.fullmatch(address)
    if found is None:
        return None
    return Derived(found["kind"] or CONDITION, found["node"], found["name"] or "")


def node_of(address: str) -> str:
    """The address of the node behind it."""
    found = derived(address)
    return found.node if found else address
