"""Protections taken out one at a time, to show that their absence is noticed.

Each is a small patch of the product's own code, put in by the process of a proof and by no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from connectors.interface import SampleBatch
from connectors.runner import Runner


@dataclass(frozen=True)
class Bug:
    """``patches``: owner, attribute, and what stands there instead (a value made from what stood there)."""

    patches: tuple[tuple[Any, str, Callable[[Any], Any]], ...]

    def put_in(self) -> Callable[[], None]:
        """Returns what takes it out again."""
        before = [(owner, name, owner.__dict__[name]) for owner, name, _ in self.patches]
        for owner, name, make in self.patches:
            setattr(owner, name, make(getattr(owner, name)))

        def take_out() -> None:
            for owner, name, value in reversed(before):
                setattr(owner, name, value)

        return take_out


def _acknowledges_first(keep: Any) -> Any:
    async def stream(self: Runner, slug: str, connector: Any) -> None:
        acknowledge = connector.acknowledge

        async def kept(slug: str, batch: SampleBatch) -> None:
            await acknowledge(batch)
            await asyncio.sleep(0.05)
            await Runner._keep(self, slug, batch)

        async for batch in connector.batches():
            self._close_leftovers(slug, batch)
            await kept(slug, batch)

    return stream


BUGS = {
    "acknowledges before its commit": Bug(((Runner, "_stream", _acknowledges_first),)),
}
