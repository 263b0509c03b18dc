"""Work that will not be cancelled is left behind, not waited for."""

from __future__ import annotations

import asyncio

import pytest

from connectors.transports.deadline import bounded


async def test_an_answer_and_an_error_come_through() -> None:
    async def fail() -> None:
        raise OSError("no route")

    assert await bounded(asyncio.sleep(0, "told"), 5) == "told"
    with pytest.raises(OSError, match="no route"):
        await bounded(fail(), 5)


async def test_work_that_swallows_its_cancellation_keeps_nobody() -> None:
    released = asyncio.Event()

    async def stubborn() -> None:
        while not released.is_set():
            try:
                await released.wait()
            except asyncio.CancelledError:
                continue

    with pytest.raises(TimeoutError):
        await bounded(stubborn(), 0.01)
    released.set()


async def test_whoever_is_cancelled_takes_the_work_along() -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    waiting = asyncio.create_task(bounded(work(), 60))
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    async with asyncio.timeout(5):
        await ended.wait()
