"""Watches the embedded servers: one that dies is started again at the same address."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

import structlog

from tandem.embedded.process import ServerFailed

log = structlog.get_logger(__name__)

FIRST_PAUSE_S = 0.05
LONGEST_PAUSE_S = 10.0
STEADY_AFTER_S = 60.0
"""A server that ran this long has recovered: its next death is met without a pause again."""


def longer(pause_s: float) -> float:
    """The pause after this one, in seconds."""
    return min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, pause_s * 2))


class Watched(Protocol):
    """A server with one address for its whole life."""

    @property
    def name(self) -> str: ...

    async def start(self) -> str: ...

    async def wait(self) -> int: ...

    async def stop(self) -> None: ...


class Supervisor:
    """One task per server. The pause before a start doubles from 0.05 to 10 seconds while the
    server keeps failing; it never gives up, for a full disk may be emptied at any time."""

    def __init__(self, say: Callable[[str], None]) -> None:
        """`say` gets one line, for the person at the terminal, on each death and return."""
        self._say = say
        self._tasks: list[asyncio.Task[None]] = []
        self.restarts: dict[str, int] = {}
        """How often each server was started again, by name."""

    def watch(self, server: Watched) -> None:
        """Watch a server that has been started."""
        self.restarts[server.name] = 0
        self._tasks.append(asyncio.create_task(self._keep(server), name=f"keep {server.name}"))

    async def stop(self) -> None:
        """Stop watching. The servers run on; who started them stops them."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _keep(self, server: Watched) -> None:
        loop = asyncio.get_running_loop()
        pause = 0.0
        while True:
            began = loop.time()
            status = await server.wait()
            if loop.time() - began > STEADY_AFTER_S:
                pause = 0.0
            self._say(f"{server.name} died (status {status}): starting it again")
            log.warning("server died", server=server.name, status=status, pause_s=pause)
            pause = await self._start_again(server, pause)

    async def _start_again(self, server: Watched, pause: float) -> float:
        """Start until it answers. Returns the pause to make before the next start."""
        while True:
            await asyncio.sleep(pause)
            pause = longer(pause)
            try:
                await server.start()
            except (ServerFailed, OSError) as error:
                self._say(f"{server.name} did not start, next try in {pause:.2g} s: {error}")
                log.error("server did not start", server=server.name, reason=str(error))
                continue
            self.restarts[server.name] += 1
            self._say(f"{server.name} is back")
            log.info("server is back", server=server.name)
            return pause
