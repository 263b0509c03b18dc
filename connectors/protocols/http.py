"""A source that sends by itself: ``POST /api/v1/samples`` with its connection's code.

There is nothing to dial: the connection says whose addresses they are, and how far its values are complete is
the sender's own word (``watermark``).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import ClassVar

from connectors.domain.phrase import late, phrase
from connectors.interface import ConnectorConfig, Probe, SampleBatch


@dataclass(frozen=True, kw_only=True)
class HttpConfig(ConnectorConfig):
    """Nothing to set: who may send is a token's scope."""


class HttpConnector:
    """Waits; the API stores what comes."""

    slug: ClassVar[str] = "http"
    name: ClassVar[str] = "HTTP"
    config_class: ClassVar[type[ConnectorConfig]] = HttpConfig

    def __init__(self, config: HttpConfig) -> None:
        self._config = config

    async def probe(self) -> Probe:
        text = late("Save it, map its addresses, then send samples to /api/v1/samples with a token.")
        return Probe(server="POST /api/v1/samples", warnings=(phrase(text),))

    async def batches(self) -> AsyncIterator[SampleBatch]:
        await asyncio.Event().wait()
        yield SampleBatch()

    async def acknowledge(self, batch: SampleBatch) -> None:
        """The answer to the request is the acknowledgement."""
