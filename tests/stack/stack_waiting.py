"""Waiting for a condition, in tests of running servers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(holds: Callable[[], bool], *, timeout_s: float = 30) -> None:
    """Raises TimeoutError when it never holds."""
    async with asyncio.timeout(timeout_s):
        while not holds():  # noqa: ASYNC110 # what is waited for is another process
            await asyncio.sleep(0.02)
