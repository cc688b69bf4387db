"""Places that are given in turn: to the tenant that has the fewest of them, and of several to the
one that has waited longest for one. So a tenant with a thousand documents takes all places while
nobody else waits, and the next one that gets free when somebody does."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager


class Turns:
    """`places` at once; of one event loop."""

    def __init__(self, places: int) -> None:
        self._free = places
        self._held: Counter[str] = Counter()
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """In the order in which the tenants were served last."""

    @property
    def idle(self) -> bool:
        """Nobody has a place or waits for one."""
        return not self._held and not self._waiting

    @asynccontextmanager
    async def turn(self, tenant: str) -> AsyncGenerator[None]:
        """One place, while the context is open."""
        await self._take(tenant)
        try:
            yield
        finally:
            self._give_back(tenant)

    async def _take(self, tenant: str) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(tenant, deque()).append(mine)
        self._serve()
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():  # it was given a place, and cannot use it
                self._give_back(tenant)
            raise

    def _give_back(self, tenant: str) -> None:
        self._free += 1
        self._held[tenant] -= 1
        if not self._held[tenant]:
            del self._held[tenant]
        self._serve()

    def _serve(self) -> None:
        while self._free and self._waiting:
            tenant = min(self._waiting, key=lambda each: self._held[each])
            queue = self._waiting.pop(tenant)
            first = queue.popleft()
            if queue:
                self._waiting[tenant] = queue  # behind the others
            if not first.done():  # who waited may have been cancelled
                self._free -= 1
                self._held[tenant] += 1
                first.set_result(None)


class HostFairLimiter:
    """A place for each host: what is asked of it is asked one after the other."""

    def __init__(self) -> None:
        self._hosts: dict[str, Turns] = {}

    @asynccontextmanager
    async def turn(self, host: str, tenant: str) -> AsyncGenerator[None]:
        """The host's place, while the context is open."""
        turns = self._hosts.setdefault(host, Turns(1))
        try:
            async with turns.turn(tenant):
                yield
        finally:
            if turns.idle:
                self._hosts.pop(host, None)
