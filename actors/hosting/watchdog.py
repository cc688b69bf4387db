"""Finds turns that were begun and not ended, and has them resumed.

A shard that dies takes its running turns with it; the log still says that they are owed. The
read model says which; asking costs nothing where the turn is in fact running. The same process
keeps the operators' leases (`actors.hosting.lease_keeper`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog

from actors.conversation.commands import ResumeTurn
from actors.hosting.lease_keeper import LeaseKeeper
from actors.ports import Conversations, Unavailable
from events.log.stream import StreamName

PASS_S = 2.0
PASS_TIMEOUT_S = 30.0
_log = structlog.get_logger(__name__)

Overdue = Callable[[], Awaitable[Sequence[StreamName]]]


@dataclass
class WatchdogParts:
    """`overdue` asks the read model; `conversations` is the way to the shards; without `leases`
    an operator who is gone keeps what they have."""

    overdue: Overdue
    conversations: Conversations
    leases: LeaseKeeper | None = None


class Watchdog:
    """The Ray actor that watches for ever. Made by `tandem/wiring/`."""

    async def __init__(self, factory: Callable[[], Awaitable[WatchdogParts]]) -> None:  # type: ignore[misc]  # Ray awaits the constructor of an async actor
        self._watching = asyncio.create_task(_start(factory))

    async def ready(self) -> bool:
        return not self._watching.done()


async def _start(factory: Callable[[], Awaitable[WatchdogParts]]) -> None:
    while True:
        try:
            parts = await factory()
        except Exception as error:  # noqa: BLE001 what it stands on may be starting too
            _log.warning("watchdog not connected yet", error=repr(error))
            await asyncio.sleep(PASS_S)
        else:
            await watch_over(parts)


async def watch_over(parts: WatchdogParts) -> None:
    """For ever."""
    watches = [watch(parts.overdue, parts.conversations)]
    if parts.leases:
        watches.append(parts.leases.keep())
    await asyncio.gather(*watches)


async def watch(overdue: Overdue, conversations: Conversations) -> None:
    """Passes for ever; one that fails is logged and the next one tries again."""
    while True:
        try:
            async with asyncio.timeout(PASS_TIMEOUT_S):
                await resume_overdue(overdue, conversations)
        except Exception as error:  # noqa: BLE001 it must outlive whatever is down
            _log.warning("watchdog pass failed", error=repr(error))
        await asyncio.sleep(PASS_S)


async def resume_overdue(overdue: Overdue, conversations: Conversations) -> int:
    """One pass: ask every conversation with an overdue turn to take it up; returns how many."""
    streams = await overdue()
    now = time.time_ns() // 1_000_000
    results = await asyncio.gather(
        *(conversations.ask(stream, ResumeTurn(id=f"resume-{now}", at=now)) for stream in streams),
        return_exceptions=True,
    )
    for stream, result in zip(streams, results, strict=True):
        if isinstance(result, Unavailable | TimeoutError):
            _log.warning("turn not resumed yet", stream=stream.subject, why=str(result))
        elif isinstance(result, BaseException):
            raise result
    return len(streams)
