"""A deadline that holds even where a library swallows its cancellation."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def bounded(work: Awaitable[T], seconds: float) -> T:
    """What the work returns. Raises TimeoutError after so many seconds; the work is cancelled and left alone.

    ``asyncio.wait_for`` and ``asyncio.timeout`` cancel once and then wait for the end of what they cancelled:
    work that takes the cancellation for an answer (asyncua's ``_cancel_task``, ``wait_for`` itself in Python
    3.11) keeps them for ever.
    """
    task = asyncio.ensure_future(work)
    finished: set[asyncio.Future[T]] = set()
    try:
        finished, _ = await asyncio.wait({task}, timeout=seconds)
    finally:
        if not finished:
            task.cancel()
            task.add_done_callback(_noticed)
    # Not done(): a plain future is done as soon as it is cancelled
    if not finished:
        raise TimeoutError
    return task.result()


def _noticed(task: asyncio.Future[T]) -> None:
    """What abandoned work ends with is nobody's business any more."""
    if not task.cancelled():
        task.exception()
