"""What every edge offers the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from mom.demo.wiring import Sent


class Edge(Protocol):
    """Started with the values as they stand; ``publish`` puts changes on the wire in order of time."""

    async def start(self, standing: Sequence[Sent]) -> None: ...

    async def publish(self, values: Sequence[Sent]) -> None: ...

    async def stop(self) -> None: ...
